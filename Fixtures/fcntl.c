// fcntl, dup, dup2, dup3, close_range: descriptors and their flags.
// calls: close_range dup dup2 dup3 fcntl readv
#include "observe.h"
#include <sys/uio.h>

int main(void) {
  static const struct {
    const char *path;
    int flags;
  } opens[] = {{"data/hello.txt", O_RDONLY}, {"data/hello.txt", O_RDWR | O_APPEND}, {"data/dir", O_RDONLY | O_DIRECTORY},
               {"data/dir", O_PATH | O_NOFOLLOW}, {"new", O_WRONLY | O_CREAT | O_TRUNC | O_EXCL}, {"new", O_RDWR | O_NONBLOCK | O_SYNC},
               {"/dev/null", O_RDWR | O_NOCTTY}, {"data/fifo", O_RDONLY | O_NONBLOCK}, {"/proc/self/status", O_RDONLY}};
  for (size_t i = 0; i < sizeof opens / sizeof opens[0]; i++) {
    int fd = open(opens[i].path, opens[i].flags, 0644);
    say("%s %#o: descriptor %d flags %#o close on exec %d", opens[i].path, opens[i].flags, fd, fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
  }
  closefrom(3);
  int fd = SHOW(open("data/hello.txt", O_RDONLY | O_CLOEXEC));
  SHOW(fcntl(fd, F_GETFD));
  SHOW(fcntl(fd, F_SETFD, 0));
  SHOW(fcntl(fd, F_GETFD));
  SHOW(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_RDWR));
  SHOW(fcntl(fd, F_GETFL));
  SHOW(fcntl(fd, F_SETFL, 0));

  say("-- dup");
  SHOW(dup(fd));
  SHOW(dup2(fd, 10));
  SHOW(dup2(fd, fd));
  SHOW(dup2(99, 99));
  SHOW(dup2(fd, -1));
  SHOW(dup2(99, 10));
  SHOW(dup3(fd, 11, O_CLOEXEC));
  SHOW(fcntl(11, F_GETFD));
  SHOW(dup3(fd, fd, 0));
  SHOW(dup3(fd, 12, O_NONBLOCK));
  SHOW(fcntl(fd, F_DUPFD, 20));
  SHOW(fcntl(fd, F_DUPFD_CLOEXEC, 20));
  SHOW(fcntl(21, F_GETFD));
  SHOW(fcntl(fd, F_DUPFD, 1 << 30));
  SHOW(fcntl(fd, F_DUPFD, -1));
  char text[8];
  SHOW(read(10, text, 5));
  SHOW(lseek(20, 0, SEEK_CUR));
  SHOW(close(10));
  SHOW(read(20, text, 8));
  SHOW(open("data/empty", O_RDONLY));
  SHOW(close(3));
  SHOW(open("data/dir/a", O_RDONLY));
  SHOW(fcntl(3, F_GETFD));

  say("-- what a reused number refers to");
  int old = SHOW(open("data/dir/b", O_RDONLY));
  SHOW(close(old));
  SHOW(open("data/dir/c", O_RDONLY) == old);
  show_fstat("reused", old);
  SHOW(dup2(11, old));
  show_fstat("replaced", old);
  int directory = SHOW(open("data", O_RDONLY | O_DIRECTORY));
  SHOW(dup2(old, directory));
  struct stat st;
  SHOW(fstatat(directory, "hello.txt", &st, 0));
  SHOW(close(directory));
  SHOW(open("data/dir", O_RDONLY | O_DIRECTORY) == directory);
  SHOW(fstatat(directory, "a", &st, 0));
  SHOW(fstatat(directory, "hello.txt", &st, 0));

  say("-- close_range");
  SHOW(close_range(20, 30, 0));
  SHOW(fcntl(20, F_GETFD));
  SHOW(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC));
  SHOW(fcntl(3, F_GETFD));
  SHOW(close_range(10, 5, 0));
  SHOW(close_range(3, 10, 99));
  SHOW(close_range(3, ~0U, CLOSE_RANGE_UNSHARE));
  SHOW(fcntl(3, F_GETFD));

  say("-- other commands");
  fd = SHOW(open("new", O_RDWR));
  SHOW(fcntl(99, F_GETFD));
  SHOW(fcntl(fd, 9999));
  SHOW(fcntl(fd, F_GETOWN));
  SHOW(fcntl(fd, F_SETOWN, getpid()));
  SHOW(fcntl(fd, F_GETOWN) == getpid());
  SHOW(fcntl(fd, F_GETSIG));
  SHOW(fcntl(fd, F_GETLEASE));
  SHOW(fcntl(fd, F_GETPIPE_SZ));
  SHOW(fcntl(fd, F_GET_SEALS));
  SHOW(lseek(fd, 5, SEEK_SET));
  SHOW(read(fd, bad_pointer(), 5));
  SHOW(write(fd, bad_pointer(), 5));
  SHOW(pwrite(fd, "x", 1, -1));
  SHOW(readv(fd, NULL, 0));
  SHOW(syscall(SYS_readv, fd, NULL, 2000));
}
