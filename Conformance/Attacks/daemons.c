// alone: makes processes as fast as it can
// Outlives the run: double forks, sessions of their own, ignored and blocked signals, stopped processes, traced ones.
// options: --timeout 3
// status: 124
#include "attack.h"
#include <sys/ptrace.h>

int main(void) {
  for (int way = 0; way < 8; way++) {
    if (fork()) continue;
    setsid();
    if (fork()) _exit(0);
    for (int signal = 1; signal < 65; signal++) sigaction(signal, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_PDEATHSIG, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (way == 0) raise(SIGSTOP);
    if (way == 1) {
      pid_t pid = fork();
      if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
      }
    }
    if (way == 2 && vfork() == 0) pause(); // the parent cannot be interrupted
    if (way == 3) for (;;) access("data/hello.txt", F_OK);
    if (way == 4) {
      int pair[2];
      pipe(pair);
      char byte;
      for (;;) read(pair[0], &byte, 1);
    }
    if (way == 5) open("data/fifo", O_RDONLY);
    // Reaped, as else it would be the machine's processes that run out: that is what --pids is for.
    if (way == 6) for (;;) {
      if (fork() == 0) _exit(0);
      wait(NULL);
    }
    for (;;) pause();
  }
  for (;;) pause();
}
