// pidfd_open, pidfd_send_signal, pidfd_getfd, waitid(P_PIDFD).
// calls: pidfd_getfd pidfd_open pidfd_send_signal waitid
#include "observe.h"
#include <poll.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static long open_pid(pid_t pid, unsigned flags) { return syscall(SYS_pidfd_open, pid, flags); }

int main(void) {
  int pipes[2];
  char byte;
  QUIET(pipe(pipes));
  pid_t pid = fork();
  if (pid == 0) {
    QUIET(open("data/hello.txt", O_RDONLY));
    QUIET(write(pipes[1], "r", 1));
    for (;;) pause();
  }
  QUIET(read(pipes[0], &byte, 1));
  int fd = SHOW(open_pid(pid, 0));
  SHOW(fcntl(fd, F_GETFD));
  struct pollfd poller = {fd, POLLIN, 0};
  SHOW(poll(&poller, 1, 0));
  SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
  int theirs = SHOW(syscall(SYS_pidfd_getfd, fd, 5, 0));
  char text[8];
  SHOW(read(theirs, text, 5));
  show_fstat("theirs", theirs);
  SHOW(syscall(SYS_pidfd_getfd, fd, 99, 0));
  SHOW(syscall(SYS_pidfd_getfd, fd, 5, 1));
  SHOW(syscall(SYS_pidfd_send_signal, fd, 99, NULL, 0));
  SHOW(syscall(SYS_pidfd_send_signal, STDIN_FILENO, SIGTERM, NULL, 0));
  SHOW(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
  SHOW(poll(&poller, 1, 5000));
  siginfo_t info = {0};
  SHOW(waitid((idtype_t)P_PIDFD, fd, &info, WEXITED));
  say("status %d, the pid %d", info.si_status, info.si_pid == pid);
  SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
  SHOW(waitid((idtype_t)P_PIDFD, fd, &info, WEXITED));
  SHOW(open_pid(pid, 0));

  say("-- refusals");
  SHOW(open_pid(-1, 0));
  SHOW(open_pid(0, 0));
  SHOW(open_pid(1 << 28, 0));
  SHOW(open_pid(getpid(), 0x1234));
  SHOW(open_pid(getpid(), O_NONBLOCK) >= 0);
  SHOW(syscall(SYS_pidfd_getfd, STDIN_FILENO, 0, 0));
  SHOW(waitid((idtype_t)P_PIDFD, STDIN_FILENO, &info, WEXITED));
}
