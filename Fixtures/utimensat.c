// utimensat, futimens, utimes, utime: times that were set are read back; others are only compared.
// calls: utimensat utimes
#include "observe.h"
#include <sys/time.h>
#include <utime.h>

static void show_times(const char *path) {
  struct stat st;
  if (lstat(path, &st) < 0) say("%s: %s", path, error_name(errno));
  else say("%s: accessed %lld.%09ld modified %lld.%09ld", path, (long long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
           (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static bool recent(struct timespec when) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return when.tv_sec > now.tv_sec - 3600 && when.tv_sec <= now.tv_sec + 1;
}

int main(void) {
  struct timespec times[2] = {{1000000, 123456789}, {2000000, 987654321}};
  put_file("file", "text");
  SHOW(utimensat(AT_FDCWD, "file", times, 0));
  show_times("file");
  struct stat st;
  QUIET(stat("file", &st));
  say("change time is now %d", recent(st.st_ctim));
  SHOW(utimensat(AT_FDCWD, "data/hello.txt", times, 0));
  show_times("data/hello.txt");
  show_file("data/hello.txt");
  SHOW(utimensat(AT_FDCWD, "data/dir", times, 0));
  show_times("data/dir");
  SHOW(utimensat(AT_FDCWD, "data/link", times, AT_SYMLINK_NOFOLLOW));
  show_times("data/link");
  times[1].tv_nsec = UTIME_OMIT;
  times[0].tv_sec = 5;
  SHOW(utimensat(AT_FDCWD, "data/link", times, 0));
  show_times("data/hello.txt");
  times[0].tv_nsec = UTIME_OMIT;
  SHOW(utimensat(AT_FDCWD, "data/hello.txt", times, 0));
  show_times("data/hello.txt");
  SHOW(utimensat(AT_FDCWD, "data/missing", times, 0));
  times[1].tv_nsec = UTIME_NOW;
  SHOW(utimensat(AT_FDCWD, "file", times, 0));
  QUIET(stat("file", &st));
  say("modified now %d, accessed kept %lld", recent(st.st_mtim), (long long)st.st_atim.tv_sec);
  SHOW(utimensat(AT_FDCWD, "data/fifo", NULL, 0));
  QUIET(stat("data/fifo", &st));
  say("fifo modified now %d", recent(st.st_mtim));
  SHOW(utimensat(AT_FDCWD, "data/hard1", (struct timespec[2]){{7, 7}, {8, 8}}, 0));
  show_times("data/hard2");

  say("-- negative, large");
  SHOW(utimensat(AT_FDCWD, "file", (struct timespec[2]){{-5, 0}, {-1, 999999999}}, 0));
  show_times("file");
  SHOW(utimensat(AT_FDCWD, "file", (struct timespec[2]){{2147483648, 0}, {4294967296, 0}}, 0));
  show_times("file");

  say("-- descriptors");
  int fd = SHOW(open("data/numbers.txt", O_RDONLY));
  SHOW(futimens(fd, (struct timespec[2]){{11, 0}, {12, 0}}));
  show_times("data/numbers.txt");
  SHOW(utimensat(fd, "", (struct timespec[2]){{13, 0}, {14, 0}}, AT_EMPTY_PATH));
  show_times("data/numbers.txt");
  SHOW(syscall(SYS_utimensat, fd, NULL, (struct timespec[2]){{15, 0}, {16, 0}}, 0));
  show_times("data/numbers.txt");
  int path = SHOW(open("data/numbers.txt", O_PATH));
  SHOW(futimens(path, NULL));
  SHOW(futimens(99, NULL));
  int data = SHOW(open("data", O_RDONLY));
  SHOW(utimensat(data, "dir/a", (struct timespec[2]){{17, 0}, {18, 0}}, 0));
  show_times("data/dir/a");

  say("-- older calls");
  SHOW(utimes("data/dir/b", (struct timeval[2]){{21, 22}, {23, 24}}));
  show_times("data/dir/b");
  SHOW(utime("data/dir/c", &(struct utimbuf){31, 32}));
  show_times("data/dir/c");
  SHOW(futimesat(data, "dir/c", (struct timeval[2]){{41, 0}, {42, 0}}));
  show_times("data/dir/c");
  SHOW(utimes("data/dir/b", (struct timeval[2]){{21, 1000000}, {23, 0}}));
  SHOW(syscall(SYS_utimes, "data/dir/b", (struct timeval[2]){{21, 1000000}, {23, 0}}));

  say("-- refusals");
  SHOW(utimensat(AT_FDCWD, "file", (struct timespec[2]){{0, 1000000000}, {0, 0}}, 0));
  SHOW(utimensat(AT_FDCWD, "file", (struct timespec[2]){{0, -1}, {0, 0}}, 0));
  SHOW(utimensat(AT_FDCWD, "file", NULL, 0x8000));
  SHOW(utimensat(AT_FDCWD, "file", bad_pointer(), 0));
  SHOW(utimensat(AT_FDCWD, bad_pointer(), NULL, 0));
  SHOW(utimensat(AT_FDCWD, "", NULL, 0));
  SHOW(utimensat(AT_FDCWD, "data/loop1", NULL, 0));
  SHOW(utimensat(AT_FDCWD, "file/x", NULL, 0));
  SHOW(utimensat(99, "file", NULL, 0));
  SHOW(utimensat(AT_FDCWD, "data/foreign/public", NULL, 0));
  SHOW(utimensat(AT_FDCWD, "data/foreign/shared", NULL, 0));
  SHOW(utimensat(AT_FDCWD, "data/foreign/shared", (struct timespec[2]){{1, 0}, {1, 0}}, 0));
  SHOW(utimensat(AT_FDCWD, "data/readonly", NULL, 0));

  say("-- a write moves the time of modification, of the directory too");
  QUIET(utimensat(AT_FDCWD, "data/dir", (struct timespec[2]){{1, 0}, {1, 0}}, 0));
  QUIET(utimensat(AT_FDCWD, "data/dir/b", (struct timespec[2]){{1, 0}, {1, 0}}, 0));
  put_file("data/dir/b", "written");
  QUIET(stat("data/dir/b", &st));
  say("file %d", recent(st.st_mtim));
  QUIET(stat("data/dir", &st));
  say("directory untouched %d", st.st_mtim.tv_sec == 1);
  put_file("data/dir/fresh", "");
  QUIET(stat("data/dir", &st));
  say("directory %d", recent(st.st_mtim));
  struct stat newer;
  put_file("first", "");
  pause_ms(20);
  put_file("second", "");
  QUIET(stat("first", &st));
  QUIET(stat("second", &newer));
  say("second is newer %d", newer.st_mtim.tv_sec > st.st_mtim.tv_sec ||
                                (newer.st_mtim.tv_sec == st.st_mtim.tv_sec && newer.st_mtim.tv_nsec > st.st_mtim.tv_nsec));
}
