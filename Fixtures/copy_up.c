// What a change of a lower file must not change: its times, its directory's, its other names, its attributes, its holes.
// calls: chmod getxattr lchown link openat rename renameat2 setxattr truncate unlink
#include "observe.h"
#include <sys/xattr.h>

// The prepared files are all of the same second of 2001.
static const char *when(struct timespec time) { return time.tv_sec < 1100000000 ? "old" : "new"; }

static void times(const char *path) {
  struct stat st;
  if (lstat(path, &st) < 0) say("%s: %s", path, error_name(errno));
  else say("%s: modified %s", path, when(st.st_mtim));
}

static void around(const char *what) {
  say("-- %s", what);
  static const char *const directories[] = {".", "data", "data/dir", "data/dir/sub", "data/dir/sub/deep", "data/many", "data/setgid"};
  for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) times(directories[i]);
}

int main(void) {
  char value[16];
  around("before");
  SHOW(chmod("data/dir/sub/deep/file", 0600));
  times("data/dir/sub/deep/file");
  around("chmod");
  SHOW(lchown("data/link", getuid(), getgid()));
  times("data/link");
  SHOW(chmod("data/fifo", 0600));
  times("data/fifo");
  SHOW(open("data/dir/b", O_RDWR) < 0 ? -1 : 0);
  times("data/dir/b");
  SHOW(open("data/dir/b", O_WRONLY | O_APPEND) < 0 ? -1 : 0);
  SHOW(setxattr("data/dir/a", "user.more", "x", 1, 0));
  SHOW(getxattr("data/dir/a", "user.lower", value, sizeof value));
  times("data/dir/a");
  SHOW(chmod("data/setgid", 0755));
  SHOW(setxattr("data/many", "user.directory", "x", 1, 0));
  around("links, FIFOs, an open, attributes, directories");
  SHOW(link("data/dir/c", "data/dir/sub/second"));
  times("data/dir/c");
  around("a new name");
  SHOW(rename("data/dir/c", "data/many/c"));
  times("data/many/c");
  around("a rename");
  int fd = SHOW(open("data/many/f001", O_WRONLY));
  SHOW(write(fd, "x", 1));
  times("data/many/f001");
  SHOW(truncate("data/many/f002", 0));
  times("data/many/f002");
  SHOW(open("data/many/f003", O_WRONLY | O_TRUNC) < 0 ? -1 : 0);
  times("data/many/f003");

  say("-- hard links: one copy for all names");
  SHOW(chmod("data/hard2", 0640));
  show_stat("data/hard1");
  times("data/hard1");
  SHOW(unlink("data/hard2"));
  show_stat("data/hard1");
  show_file("data/hard1");
  put_file("data/hard1", "changed");
  SHOW(link("data/hard1", "data/hard2"));
  show_file("data/hard2");

  say("-- a directory that moves takes what is in it along");
  SHOW(rename("data/dir", "data/moved"));
  times("data/moved");
  times("data/moved/sub/deep");
  show_directory("data/moved");
  SHOW(mkdir("data/dir", 0755));
  show_directory("data/dir");
  SHOW(rename("data/moved/sub", "data/dir/sub"));
  show_file("data/dir/sub/deep/file");
  SHOW(rename("data/many", "data/dir/many"));
  SHOW(unlink("data/dir/many/f100"));
  show_file("data/dir/many/f101");
  show_stat("data/dir/many/f100");
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "data/moved", AT_FDCWD, "data/dir/many", RENAME_EXCHANGE));
  show_directory("data/dir/many");
  show_file("data/moved/f102");
}
