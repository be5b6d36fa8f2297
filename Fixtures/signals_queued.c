// Signals with a value for one thread, the call that goes on with a stopped one, and restartable sequences.
// calls: restart_syscall rseq rt_sigprocmask rt_sigtimedwait rt_tgsigqueueinfo
#include "observe.h"

static long queue(int group, int thread, int number, int code, int value) {
  siginfo_t information;
  memset(&information, 0, sizeof information);
  information.si_signo = number;
  information.si_code = code;
  information.si_pid = getpid();
  information.si_uid = getuid();
  information.si_value.sival_int = value;
  return syscall(SYS_rt_tgsigqueueinfo, group, thread, number, &information);
}

static void take(uint64_t *set) {
  siginfo_t information;
  memset(&information, 0, sizeof information);
  struct timespec none = {0, 0};
  if (SHOW(syscall(SYS_rt_sigtimedwait, set, &information, &none, 8)) > 0) {
    say("  code %d value %d from us %d", information.si_code, information.si_value.sival_int,
        information.si_pid == getpid());
  }
}

static void handle(int signal) { (void)signal; }

int main(void) {
  uint64_t set = 1UL << (SIGUSR1 - 1) | 1UL << (SIGRTMIN - 1), all = ~0UL, before = 0;
  SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, &before, 8));
  SHOW(syscall(SYS_rt_sigprocmask, 9, &set, NULL, 8));
  SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 4));
  SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, bad_pointer(), NULL, 8));
  SHOW(queue(getpid(), gettid(), SIGRTMIN, SI_QUEUE, 1));
  SHOW(queue(getpid(), gettid(), SIGRTMIN, SI_QUEUE, 2));
  SHOW(queue(getpid(), gettid(), SIGUSR1, SI_QUEUE, 3));
  SHOW(queue(getpid(), gettid(), SIGUSR1, SI_QUEUE, 4));
  for (int i = 0; i < 4; i++) take(&set);
  SHOW(queue(getpid(), gettid(), SIGRTMIN, SI_TKILL, 5));
  SHOW(queue(getpid(), gettid(), SIGRTMIN, SI_USER, 6));
  SHOW(queue(getpid(), gettid(), SIGRTMIN, 77, 7));
  for (int i = 0; i < 3; i++) take(&set);
  SHOW(queue(getpid(), gettid(), 0, SI_QUEUE, 0));
  SHOW(queue(getpid(), gettid(), 65, SI_QUEUE, 0));
  SHOW(queue(getpid(), 0, SIGRTMIN, SI_QUEUE, 0));
  SHOW(queue(-1, gettid(), SIGRTMIN, SI_QUEUE, 0));
  SHOW(queue(getpid(), 4194303, SIGRTMIN, SI_QUEUE, 0));
  SHOW(queue(getppid(), gettid(), SIGRTMIN, SI_QUEUE, 0));
  SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGRTMIN, bad_pointer()));
  IN_CHILD SHOW(queue(getppid(), getppid(), SIGRTMIN, SI_USER, 8));
  IN_CHILD SHOW(queue(getppid(), getppid(), SIGRTMIN, SI_QUEUE, 9));
  take(&set);
  take(&set);
  SHOW(syscall(SYS_rt_sigtimedwait, &all, NULL, &(struct timespec){0, -1}, 8));

  // What an interrupted call left to be restarted is dropped by the return from a handler. Then nothing is left.
  signal(SIGUSR2, handle);
  QUIET(raise(SIGUSR2));
  SHOW(syscall(SYS_restart_syscall));
  // A real restart: a sleep that is stopped and continued goes on.
  int ends[2];
  QUIET(pipe(ends));
  pid_t child = fork();
  if (child == 0) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    QUIET(write(ends[1], "x", 1));
    long result = syscall(SYS_nanosleep, &(struct timespec){1, 0}, NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    long passed = (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000;
    say("slept: %ld, long enough %d", result, passed >= 1000);
    _exit(0);
  }
  char byte;
  QUIET(read(ends[0], &byte, 1));
  pause_ms(50);
  kill(child, SIGSTOP);
  int status;
  waitpid(child, &status, WUNTRACED);
  say_status("sleeping child", status);
  kill(child, SIGCONT);
  wait_for("sleeping child", child);

  // libc registers one area for each thread; another is refused, and so is a wrong one.
  static _Alignas(32) char area[32];
  SHOW(syscall(SYS_rseq, area, sizeof area, 0, 0x53053053));
  SHOW(syscall(SYS_rseq, area, sizeof area, 2, 0x53053053));
  SHOW(syscall(SYS_rseq, area, sizeof area, 1, 0x53053053));
}
