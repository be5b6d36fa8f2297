// O_PATH descriptors: what they can and cannot do.
// calls: dup fchdir fchmod fchown fcntl fsync ftruncate ioctl lseek mmap openat
#include "observe.h"
#include <sys/ioctl.h>

static void through(int fd) {
  char text[16];
  struct stat st;
  SHOW(read(fd, text, 1));
  SHOW(write(fd, text, 1));
  SHOW(lseek(fd, 0, SEEK_SET));
  SHOW(ftruncate(fd, 0));
  SHOW(fchmod(fd, 0600));
  SHOW(fchown(fd, -1, -1));
  SHOW(fsync(fd));
  SHOW(ioctl(fd, FIONREAD, &(int){0}));
  SHOW(syscall(SYS_getdents64, fd, text, sizeof text));
  SHOW(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
  SHOW(fstat(fd, &st));
  say_stat("fstat", &st);
  SHOW(fcntl(fd, F_GETFL) & (O_PATH | O_ACCMODE | O_NOFOLLOW | O_DIRECTORY));
  SHOW(fcntl(fd, F_GETFD));
  SHOW(fcntl(fd, F_SETFL, O_APPEND));
  SHOW(fcntl(fd, F_GETLK, &(struct flock){.l_type = F_RDLCK}));
  int copy = SHOW(dup(fd));
  close(copy);
  SHOW(fcntl(fd, F_DUPFD_CLOEXEC, 20));
  close(20);
}

static void reopen(int fd, int flags) {
  char path[64], text[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int again = open(path, flags);
  if (again < 0) {
    say("reopen with %d: %s", flags, error_name(errno));
    return;
  }
  ssize_t n = read(again, text, sizeof text);
  say("reopen with %d: %s", flags, n < 0 ? error_name(errno) : quote(text, n));
  close(again);
}

int main(void) {
  say("-- a lower file");
  int file = SHOW(open("data/hello.txt", O_PATH));
  through(file);
  reopen(file, O_RDONLY);
  reopen(file, O_RDWR);
  reopen(file, O_RDONLY | O_DIRECTORY);
  say("-- without permission");
  int none = SHOW(open("data/noaccess", O_PATH));
  reopen(none, O_RDONLY);
  show_fstat("noaccess", none);
  SHOW(open("data/closed/inside", O_PATH));
  SHOW(open("data/closed", O_PATH));
  SHOW(open("data/missing", O_PATH));
  SHOW(open("data/missing", O_PATH | O_CREAT, 0644));
  SHOW(open("data/link", O_PATH | O_CREAT | O_EXCL | O_TRUNC | O_WRONLY, 0644));
  close_range(5, ~0U, 0);
  say("-- a link");
  int link = SHOW(open("data/link", O_PATH | O_NOFOLLOW));
  through(link);
  reopen(link, O_RDONLY);
  SHOW(open("data/dangling", O_PATH | O_NOFOLLOW));
  SHOW(open("data/dangling", O_PATH));
  SHOW(open("data/loop1", O_PATH));
  SHOW(open("data/link", O_PATH | O_NOFOLLOW | O_DIRECTORY));
  close_range(6, ~0U, 0);
  say("-- a directory");
  int directory = SHOW(open("data/dir", O_PATH | O_DIRECTORY | O_CLOEXEC));
  through(directory);
  SHOW(faccessat(directory, "a", R_OK, 0));
  SHOW(fchdir(directory));
  show_file("a");
  QUIET(chdir("../.."));
  SHOW(open("data/hello.txt", O_PATH | O_DIRECTORY));
  say("-- a FIFO is not waited for");
  int fifo = SHOW(open("data/fifo", O_PATH));
  show_fstat("fifo", fifo);
  say("-- the file goes away");
  put_file("new", "text");
  int gone = SHOW(open("new", O_PATH));
  SHOW(unlink("new"));
  show_fstat("gone", gone);
  reopen(gone, O_RDONLY);
  say("-- the file is replaced");
  put_file("old", "old");
  put_file("newer", "newer");
  int old = SHOW(open("old", O_PATH));
  SHOW(rename("newer", "old"));
  reopen(old, O_RDONLY);
}
