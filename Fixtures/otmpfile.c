// O_TMPFILE: a file without a name, and giving it one.
// calls: linkat openat
#include "observe.h"

int main(void) {
  char path[64], text[32];
  int fd = SHOW(open(".", O_TMPFILE | O_RDWR, 0640));
  show_fstat("nameless", fd);
  SHOW(write(fd, "content", 7));
  SHOW(pread(fd, text, sizeof text, 0));
  show_directory(".");
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  SHOW(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  show_file("named");
  show_stat("named");
  show_fstat("named", fd);
  SHOW(linkat(AT_FDCWD, path, AT_FDCWD, "second", AT_SYMLINK_FOLLOW));
  show_stat("second");
  SHOW(linkat(AT_FDCWD, path, AT_FDCWD, "data/dir/a", AT_SYMLINK_FOLLOW));

  say("-- in a lower directory");
  int lower = SHOW(open("data/dir", O_TMPFILE | O_WRONLY, 0600));
  SHOW(write(lower, "below", 5));
  SHOW(read(lower, text, 1));
  snprintf(path, sizeof path, "/proc/self/fd/%d", lower);
  SHOW(linkat(AT_FDCWD, path, AT_FDCWD, "data/dir/made", AT_SYMLINK_FOLLOW));
  show_file("data/dir/made");

  say("-- O_EXCL forbids a name");
  int exclusive = SHOW(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
  snprintf(path, sizeof path, "/proc/self/fd/%d", exclusive);
  SHOW(linkat(AT_FDCWD, path, AT_FDCWD, "never", AT_SYMLINK_FOLLOW));

  say("-- refusals");
  SHOW(open(".", O_TMPFILE | O_RDONLY, 0600));
  SHOW(open("data/hello.txt", O_TMPFILE | O_RDWR, 0600));
  SHOW(open("data/missing", O_TMPFILE | O_RDWR, 0600));
  SHOW(open("data/link", O_TMPFILE | O_RDWR, 0600));
  SHOW(open("data/locked", O_TMPFILE | O_RDWR, 0600));
  SHOW(open("data/foreign", O_TMPFILE | O_RDWR, 0600));
  SHOW(open("data/dirlink", O_TMPFILE | O_RDWR | O_NOFOLLOW, 0600));
  SHOW(open("data/dirlink", O_TMPFILE | O_RDWR, 0600));
  SHOW(open("/proc", O_TMPFILE | O_RDWR, 0600));
  show_directory(".");
}
