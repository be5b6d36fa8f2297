// stat, lstat, fstat, newfstatat and statx of every kind of file.
// calls: newfstatat statx
#include "observe.h"
#include <sys/sysmacros.h>

static const char *const paths[] = {
    ".",           "data/..",   "data",         "data/hello.txt", "data/numbers.txt", "data/empty",  "data/secret",
    "data/sparse", "data/fifo", "data/link",    "data/dirlink",   "data/dangling",    "data/loop1",  "data/closed",
    "data/closed/inside",       "data/locked",  "data/sticky",    "data/setgid",      "data/hard1",  "data/link/",
    "data/dirlink/", "data/hello.txt/", "data/fifo/", "data/missing", "data/hello.txt/x", "data/foreign/private",
    "data/foreign", "data/caf\351.txt", "data/new\nline", "/", "/dev", "/dev/null", "/dev/zero", "/proc", "/usr", ""};

static void one(const char *call, const char *path, int result, const struct stat *st) {
  char label[512];
  snprintf(label, sizeof label, "%s %s", call, quote(path, strlen(path)));
  if (result < 0) say("%s: %s", label, error_name(errno));
  else if (path[0] == '/') say("%s: %s rdev %u:%u", label, type_name(st->st_mode), major(st->st_rdev), minor(st->st_rdev));
  else say_stat(label, st);
}

static void consistency(const char *path) {
  // The same file must look the same through every door.
  struct stat byPath, byFd, byAt;
  struct statx extended;
  int fd = open(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0 || stat(path, &byPath) < 0 || fstat(fd, &byFd) < 0 || fstatat(fd, "", &byAt, AT_EMPTY_PATH) < 0 ||
      statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &extended) < 0) {
    say("%s: %s", path, error_name(errno));
  } else {
    say("%s: fstat same %d %d %d %d, at same %d %d, statx same %d %d %d %d", path, byPath.st_ino == byFd.st_ino,
        byPath.st_dev == byFd.st_dev, byPath.st_mode == byFd.st_mode, byPath.st_mtime == byFd.st_mtime,
        byPath.st_ino == byAt.st_ino, byPath.st_dev == byAt.st_dev, byPath.st_ino == extended.stx_ino,
        byPath.st_dev == makedev(extended.stx_dev_major, extended.stx_dev_minor), byPath.st_mode == extended.stx_mode,
        byPath.st_mtime == extended.stx_mtime.tv_sec);
  }
  if (fd >= 0) close(fd);
}

static bool same_file(const char *left, const char *right) {
  struct stat a, b;
  return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

int main(void) {
  struct stat st;
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    one("stat", paths[i], stat(paths[i], &st), &st);
    one("lstat", paths[i], lstat(paths[i], &st), &st);
  }

  say("-- consistency");
  static const char *const openable[] = {".", "data", "data/hello.txt", "data/link", "data/fifo", "/dev/null"};
  for (size_t i = 0; i < 6; i++) consistency(openable[i]);
  close(QUIET(open("data/hello.txt", O_WRONLY)));
  consistency("data/hello.txt");
  say("hello == link %d, hello == winding %d, hello == absolute %d, dir == dirlink %d, hard links %d, others %d",
      same_file("data/hello.txt", "data/link"), same_file("data/hello.txt", "data/winding"),
      same_file("data/hello.txt", "data/absolute"), same_file("data/dir", "data/dirlink"),
      same_file("data/hard1", "data/hard2"), same_file("data/hello.txt", "data/empty"));
  say("dot %d, dotdot %d, root %d", same_file(".", "data/.."), same_file("data", "data/dir/.."), same_file("/", "/.."));

  // An inode number must not change when the file is written, or tar and cp take it for another file.
  struct stat before, after;
  QUIET(stat("data/dir/b", &before));
  put_file("data/dir/b", "changed");
  QUIET(stat("data/dir/b", &after));
  say("inode kept over a write %d, device kept %d", before.st_ino == after.st_ino, before.st_dev == after.st_dev);
  QUIET(stat("data/dir/c", &before));
  QUIET(chmod("data/dir/c", 0600));
  QUIET(rename("data/dir/c", "data/dir/moved"));
  QUIET(stat("data/dir/moved", &after));
  say("inode kept over chmod and rename %d", before.st_ino == after.st_ino);

  say("-- errors");
  SHOW(stat(bad_pointer(), &st));
  SHOW(stat("data", bad_pointer()));
  SHOW(fstat(99, &st));
  SHOW(fstat(-1, &st));
  SHOW(fstat(0, bad_pointer()));
  SHOW(fstatat(99, "data", &st, 0));
  SHOW(fstatat(STDIN_FILENO, "data", &st, 0));
  SHOW(fstatat(AT_FDCWD, "", &st, 0));
  SHOW(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
  say_stat("cwd", &st);
  SHOW(fstatat(AT_FDCWD, "data", &st, 0x40000000));
  SHOW(fstatat(AT_FDCWD, "data/link", &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT));
  say_stat("link", &st);

  say("-- statx");
  struct statx sx;
  SHOW(statx(AT_FDCWD, "data/numbers.txt", 0, STATX_SIZE | STATX_TYPE | STATX_MODE, &sx));
  say("size %llu mode %o has %d", (unsigned long long)sx.stx_size, sx.stx_mode,
      (sx.stx_mask & (STATX_SIZE | STATX_TYPE | STATX_MODE)) == (STATX_SIZE | STATX_TYPE | STATX_MODE));
  SHOW(statx(AT_FDCWD, "data/link", AT_SYMLINK_NOFOLLOW, STATX_ALL, &sx));
  say("mode %o links %u uid %u size %llu", sx.stx_mode, sx.stx_nlink, sx.stx_uid, (unsigned long long)sx.stx_size);
  SHOW(statx(AT_FDCWD, "data", 0, 0x80000000u, &sx));
  SHOW(statx(AT_FDCWD, "data", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, STATX_ALL, &sx));
  SHOW(statx(AT_FDCWD, "data", 0x40000000, STATX_ALL, &sx));
  SHOW(statx(AT_FDCWD, "", 0, STATX_ALL, &sx));
  SHOW(statx(AT_FDCWD, bad_pointer(), 0, STATX_ALL, &sx));
  SHOW(statx(AT_FDCWD, "data", 0, STATX_ALL, bad_pointer()));
  SHOW(statx(AT_FDCWD, "data/missing", 0, STATX_ALL, &sx));
}
