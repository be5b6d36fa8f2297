// ioctl on files, directories, pipes and sockets; requests on terminals are in dev.c.
// calls: ioctl
#include "observe.h"
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <termios.h>

int main(void) {
  int file = SHOW(open("data/hello.txt", O_RDONLY)), directory = SHOW(open("data", O_RDONLY)), path = SHOW(open("data/dir/a", O_PATH));
  int made = SHOW(open("made", O_RDWR | O_CREAT, 0644)), null = SHOW(open("/dev/null", O_RDWR)), pipes[2], pair[2], value = 0;
  QUIET(pipe(pipes));
  QUIET(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  QUIET(write(pipes[1], "12345", 5));
  QUIET(write(pair[1], "123", 3));
  SHOW(ioctl(file, FIONREAD, &value));
  say("left in the file %d", value);
  QUIET(lseek(file, 5, SEEK_SET));
  SHOW(ioctl(file, FIONREAD, &value));
  say("left in the file %d", value);
  SHOW(ioctl(pipes[0], FIONREAD, &value));
  say("in the pipe %d", value);
  SHOW(ioctl(pair[0], FIONREAD, &value));
  say("in the socket %d", value);
  SHOW(ioctl(directory, FIONREAD, &value));
  SHOW(ioctl(file, FIONREAD, bad_pointer()));

  say("-- flags of descriptors");
  value = 1;
  SHOW(ioctl(pipes[0], FIONBIO, &value));
  SHOW(fcntl(pipes[0], F_GETFL) & O_NONBLOCK);
  SHOW(ioctl(file, FIOCLEX));
  SHOW(fcntl(file, F_GETFD));
  SHOW(ioctl(file, FIONCLEX));
  SHOW(fcntl(file, F_GETFD));
  SHOW(ioctl(file, FIONBIO, &value));
  SHOW(fcntl(file, F_GETFL) & O_NONBLOCK);

  say("-- not a terminal");
  struct termios settings;
  struct winsize size;
  SHOW(ioctl(file, TCGETS, &settings));
  SHOW(ioctl(directory, TCGETS, &settings));
  SHOW(ioctl(pipes[0], TCGETS, &settings));
  SHOW(ioctl(pair[0], TCGETS, &settings));
  SHOW(ioctl(null, TCGETS, &settings));
  SHOW(ioctl(STDIN_FILENO, TIOCGWINSZ, &size));
  SHOW(ioctl(STDOUT_FILENO, TIOCGWINSZ, &size));
  SHOW(isatty(0));
  SHOW(ttyname(0) == NULL ? -1 : 0);

  say("-- refusals");
  SHOW(ioctl(99, FIONREAD, &value));
  SHOW(ioctl(path, FIONREAD, &value));
  SHOW(ioctl(file, 0, 0));
  SHOW(ioctl(file, 0xdeadbeef, 0));
  SHOW(ioctl(made, 0xdeadbeef, 0));
  SHOW(ioctl(pipes[0], 0xdeadbeef, 0));
  SHOW(ioctl(null, 0xdeadbeef, 0));
  SHOW(syscall(SYS_ioctl, file, (1L << 40) | FIONREAD, &value));
  SHOW(ioctl(made, FICLONE, null));
  SHOW(ioctl(made, FICLONE, 99));
}
