// fchmodat2: the call that has flags, which libc's fchmodat builds on where it exists.
// calls: fchmodat2 fchownat faccessat2 utimensat readlinkat
#include "observe.h"

static long fchmodat2(int fd, const char *path, int mode, int flags) { return syscall(452, fd, path, mode, flags); }

int main(void) {
  put_file("own", "x");
  QUIET(symlink("own", "link"));
  SHOW(fchmodat2(AT_FDCWD, "own", 0640, 0));
  SHOW(fchmodat2(AT_FDCWD, "data/hello.txt", 0600, 0));
  SHOW(fchmodat2(AT_FDCWD, "link", 0604, 0));
  SHOW(fchmodat2(AT_FDCWD, "link", 0604, AT_SYMLINK_NOFOLLOW));
  SHOW(fchmodat2(AT_FDCWD, "own", 0611, AT_SYMLINK_NOFOLLOW));
  show_stat("own");
  show_stat("link");
  show_stat("data/hello.txt");
  int fd = open("own", O_RDONLY), path = open("own", O_PATH);
  SHOW(fchmodat2(fd, "", 0700, AT_EMPTY_PATH));
  show_stat("own");
  SHOW(fchmodat2(path, "", 0711, AT_EMPTY_PATH));
  show_stat("own");
  SHOW(fchmodat2(fd, "", 0700, 0));
  SHOW(fchmodat2(fd, "x", 0700, 0));
  SHOW(fchmodat2(99, "own", 0700, 0));
  SHOW(fchmodat2(99, "", 0700, AT_EMPTY_PATH));
  SHOW(fchmodat2(AT_FDCWD, "", 0755, AT_EMPTY_PATH));
  SHOW(fchmodat2(AT_FDCWD, "missing", 0700, 0));
  SHOW(fchmodat2(AT_FDCWD, "own", 0700, AT_SYMLINK_FOLLOW));
  SHOW(fchmodat2(AT_FDCWD, "own", 0700, 0x10000));
  SHOW(fchmodat2(AT_FDCWD, bad_pointer(), 0700, 0));
  SHOW(fchmodat2(AT_FDCWD, "own", 07777 | S_IFDIR, 0));
  show_stat("own");

  say("-- of what has no path");
  int pipes[2];
  QUIET(pipe(pipes));
  int memory = QUIET(memfd_create("memory", 0));
  int deleted = QUIET(open("deleted", O_RDWR | O_CREAT, 0600));
  QUIET(unlink("deleted"));
  const int files[] = {pipes[0], memory, deleted};
  struct timespec times[2] = {{1000, 0}, {2000, 0}};
  struct stat st;
  char link[64];
  for (int i = 0; i < 3; i++) {
    say("%s", (const char *[]){"a pipe", "memory", "a deleted file"}[i]);
    SHOW(fchmodat2(files[i], "", 0640, AT_EMPTY_PATH));
    SHOW(fchownat(files[i], "", getuid(), getgid(), AT_EMPTY_PATH));
    SHOW(syscall(SYS_faccessat2, files[i], "", R_OK, AT_EMPTY_PATH));
    SHOW(utimensat(files[i], "", times, AT_EMPTY_PATH));
    SHOW(readlinkat(files[i], "", link, sizeof link));
    snprintf(link, sizeof link, "/proc/self/fd/%d", files[i]);
    SHOW(chmod(link, 0604));
    SHOW(chown(link, getuid(), -1));
    SHOW(utimensat(AT_FDCWD, link, times, 0));
    SHOW(openat(files[i], "x", O_RDONLY));
    if (i && !fstat(files[i], &st)) say("mode %o, modified %ld", st.st_mode, (long)st.st_mtime);
  }
}
