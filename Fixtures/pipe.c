// pipe, pipe2, splice, tee, vmsplice.
// calls: pipe2 read splice tee vmsplice write
#include "observe.h"
#include <sys/ioctl.h>
#include <sys/uio.h>

int main(void) {
  int fds[2];
  char text[70000];
  SHOW(pipe(fds));
  say("descriptors %d %d", fds[0], fds[1]);
  show_fstat("read end", fds[0]);
  SHOW(write(fds[1], "hello", 5));
  SHOW(ioctl(fds[0], FIONREAD, &(int){0}));
  SHOW(read(fds[0], text, 3));
  SHOW(read(fds[0], text, 10));
  SHOW(write(fds[0], "x", 1));
  SHOW(read(fds[1], text, 1));
  SHOW(lseek(fds[0], 0, SEEK_SET));
  SHOW(pread(fds[0], text, 1, 0));
  SHOW(fcntl(fds[0], F_GETFL));
  SHOW(fcntl(fds[1], F_GETFL));

  say("-- nonblocking");
  SHOW(fcntl(fds[0], F_SETFL, O_NONBLOCK));
  SHOW(fcntl(fds[1], F_SETFL, O_NONBLOCK));
  SHOW(read(fds[0], text, 1));
  long capacity = SHOW(fcntl(fds[1], F_SETPIPE_SZ, 65536));
  SHOW(write(fds[1], text, sizeof text) == capacity);
  SHOW(write(fds[1], "x", 1));
  SHOW(write(fds[1], text, PIPE_BUF));
  SHOW(read(fds[0], text, 4096));
  SHOW(write(fds[1], text, PIPE_BUF));
  SHOW(fcntl(fds[1], F_GETPIPE_SZ));
  SHOW(fcntl(fds[1], F_SETPIPE_SZ, 4096));
  SHOW(fcntl(fds[1], F_SETPIPE_SZ, 1 << 17));

  say("-- ends");
  SHOW(close(fds[1]));
  SHOW(read(fds[0], text, sizeof text));
  SHOW(read(fds[0], text, 1));
  SHOW(close(fds[0]));
  QUIET(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
  say("flags %d %d", fcntl(fds[0], F_GETFD), (fcntl(fds[0], F_GETFL) & O_NONBLOCK) != 0);
  close(fds[0]);
  signal(SIGPIPE, SIG_IGN);
  SHOW(write(fds[1], "x", 1));
  signal(SIGPIPE, SIG_DFL);
  IN_CHILD SHOW(write(fds[1], "x", 1));
  close(fds[1]);

  say("-- refusals");
  SHOW(pipe(bad_pointer()));
  SHOW(pipe2(fds, O_APPEND));
  SHOW(read(99, text, 1));
  SHOW(write(99, text, 1));
  SHOW(close(99));
  SHOW(close(99));

  say("-- between processes");
  int up[2], down[2];
  QUIET(pipe(up));
  QUIET(pipe(down));
  pid_t pid = fork();
  if (pid == 0) {
    close(down[1]);
    close(up[0]);
    long sum = 0;
    for (ssize_t n; (n = read(down[0], text, sizeof text)) > 0;) sum += n;
    snprintf(text, 32, "%ld", sum);
    QUIET(write(up[1], text, strlen(text)));
    _exit(0);
  }
  close(down[0]);
  close(up[1]);
  for (int i = 0; i < 100; i++) QUIET(write(down[1], text, 10000));
  close(down[1]);
  ssize_t n = read(up[0], text, 32);
  say("sum %s", quote(text, n));
  wait_for("child", pid);
  close(up[0]);

  say("-- reopened through /proc");
  QUIET(pipe(fds));
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fds[0]);
  int writer = SHOW(open(path, O_WRONLY | O_NONBLOCK));
  SHOW(write(writer, "through", 7));
  SHOW(read(fds[0], text, 7));
  n = readlink(path, text, sizeof text);
  say("link %s", quote(text, n > 6 ? 6 : n));
  close(writer);

  say("-- splice, tee, vmsplice");
  int second[2];
  QUIET(pipe(second));
  int file = SHOW(open("data/numbers.txt", O_RDONLY));
  SHOW(splice(file, NULL, fds[1], NULL, 100, 0));
  SHOW(tee(fds[0], second[1], 20, 0));
  SHOW(read(second[0], text, 100));
  say("%s", quote(text, 20));
  int out = SHOW(open("out", O_RDWR | O_CREAT, 0644));
  SHOW(splice(fds[0], NULL, out, NULL, 100, 0));
  show_file("out");
  struct iovec part = {"vmspliced", 9};
  SHOW(vmsplice(fds[1], &part, 1, 0));
  SHOW(splice(fds[0], NULL, out, &(loff_t){0}, 100, 0));
  show_file("out");
  SHOW(splice(file, NULL, out, NULL, 10, 0));
  SHOW(splice(99, NULL, fds[1], NULL, 10, 0));
  SHOW(tee(file, fds[1], 10, 0));
}
