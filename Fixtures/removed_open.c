// What can still be done to a file whose name is gone, or that never had one.
// calls: fchmod fchown fgetxattr fremovexattr fsetxattr fsync ftruncate linkat utimensat
#include "observe.h"
#include <sys/xattr.h>

static void use(const char *label, int fd) {
  char text[64], link[64];
  struct stat st;
  struct timespec times[2] = {{1000000, 5}, {2000000, 7}};
  say("-- %s", label);
  show_fstat(label, fd);
  SHOW(futimens(fd, times));
  QUIET(fstat(fd, &st));
  say("modified %lld.%09ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  SHOW(fchmod(fd, 0604));
  SHOW(fchown(fd, getuid(), getgid()));
  show_fstat(label, fd);
  SHOW(pread(fd, text, sizeof text, 0));
  SHOW(fsync(fd));
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  SHOW(linkat(AT_FDCWD, link, AT_FDCWD, "again", AT_SYMLINK_FOLLOW));
  SHOW(unlink("again"));
}

static void use_attributes(int fd) {
  char value[16];
  SHOW(fsetxattr(fd, "user.a", "value", 5, XATTR_CREATE));
  SHOW(fsetxattr(fd, "user.a", "value", 5, XATTR_CREATE));
  SHOW(fgetxattr(fd, "user.a", value, sizeof value));
  SHOW(fgetxattr(fd, "user.b", value, sizeof value));
  SHOW(fremovexattr(fd, "user.a"));
  SHOW(fremovexattr(fd, "user.a"));
}

int main(void) {
  int own = SHOW(open("own", O_RDWR | O_CREAT, 0644));
  SHOW(write(own, "own text", 8));
  SHOW(unlink("own"));
  put_file("own", "another");
  use("a file of ours", own);
  use_attributes(own);
  SHOW(write(own, " and more", 9));
  SHOW(ftruncate(own, 3));
  show_fstat("own", own);
  show_stat("own");
  show_file("own");

  int replaced = SHOW(open("own", O_RDWR));
  put_file("new", "new");
  SHOW(rename("new", "own"));
  use("a replaced one", replaced);
  use_attributes(replaced);
  show_stat("own");

  int lower = SHOW(open("data/hello.txt", O_RDONLY));
  SHOW(unlink("data/hello.txt"));
  use("a lower one", lower);

  int changed = SHOW(open("data/numbers.txt", O_RDWR));
  SHOW(unlink("data/numbers.txt"));
  use("a lower one that was opened for writing", changed);
  use_attributes(changed);

  int moded = SHOW(open("data/empty", O_RDONLY));
  SHOW(chmod("data/empty", 0640));
  SHOW(unlink("data/empty"));
  use("a lower one that was changed by its name", moded);

  int unnamed = SHOW(open(".", O_TMPFILE | O_RDWR, 0640));
  SHOW(write(unnamed, "unnamed", 7));
  use_attributes(unnamed);
  use("one without a name", unnamed);
  int second = SHOW(open("data/dir", O_TMPFILE | O_RDWR, 0640));
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", second);
  SHOW(fchmod(second, 04711));
  SHOW(linkat(AT_FDCWD, link, AT_FDCWD, "data/dir/named", AT_SYMLINK_FOLLOW));
  show_stat("data/dir/named");
  show_fstat("second", second);

  say("-- a second name keeps it alive");
  int first = SHOW(open("first", O_RDWR | O_CREAT, 0600));
  SHOW(linkat(AT_FDCWD, "first", AT_FDCWD, "other", 0));
  SHOW(unlink("first"));
  SHOW(fchmod(first, 0644));
  SHOW(write(first, "text", 4));
  show_stat("other");
  show_file("other");

  say("-- a directory");
  QUIET(mkdir("directory", 0755));
  int directory = SHOW(open("directory", O_RDONLY));
  SHOW(rmdir("directory"));
  show_fstat("directory", directory);
  struct stat st;
  QUIET(fstat(directory, &st));
  say("links %ld", (long)st.st_nlink);
  SHOW(fchmod(directory, 0700));
  SHOW(openat(directory, "file", O_WRONLY | O_CREAT, 0644));
  SHOW(mkdirat(directory, "below", 0755));
  SHOW(openat(directory, ".", O_TMPFILE | O_RDWR, 0600));
  SHOW(faccessat(directory, ".", F_OK, 0));
  SHOW(renameat(AT_FDCWD, "own", directory, "own"));
}
