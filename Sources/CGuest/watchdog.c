// The time limit's last resort.
#include "guest.h"
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static _Noreturn void watch(int init, double seconds, pid_t supervisor) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(0);
  prctl(PR_SET_NAME, "uwrx-watchdog");
  // What stops the supervisor's process group does not stop this.
  setsid();
  // A pipe that this process held open would not end for its reader.
  if (dup2(init, 0) != 0) _exit(1);
  syscall(SYS_close_range, 1, ~0U, 0);
  struct pollfd ended = {.fd = 0, .events = POLLIN};
  for (double end = now() + seconds, rest; (rest = end - now()) > 0;)
    if (poll(&ended, 1, rest < 1e6 ? (int)(rest * 1000) + 1 : 1000000000) > 0) _exit(0);
  syscall(SYS_pidfd_send_signal, 0, SIGKILL, NULL, 0);
  // It can say why only when it runs.
  kill(supervisor, SIGCONT);
  _exit(0);
}

int uwrx_watchdog_start(int init_pid, double seconds) {
  int init = (int)syscall(SYS_pidfd_open, init_pid, 0);
  if (init < 0) return -errno;
  pid_t supervisor = getpid(), pid = fork();
  if (pid == 0) watch(init, seconds, supervisor);
  int error = errno;
  close(init);
  return pid < 0 ? -error : pid;
}
