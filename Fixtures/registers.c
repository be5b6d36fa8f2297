// What the registers of a call hold after it: its arguments, as the kernel leaves them alone.
// calls: getpriority kill sched_getscheduler setpgid tgkill timer_settime
#include "observe.h"
#include <sched.h>

struct call {
  long result, arguments[6];
};

static struct call make(long number, long a, long b, long c, long d, long e, long f) {
  struct call call;
#if defined(__x86_64__)
  register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(call.result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8), "+r"(r9) : "0"(number) : "rcx", "r11", "memory");
  long after[6] = {a, b, c, r10, r8, r9};
#else
  register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c, x3 __asm__("x3") = d,
                x4 __asm__("x4") = e, x5 __asm__("x5") = f;
  __asm__ volatile("svc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5) : "r"(x8) : "memory");
  call.result = x0;
  long after[6] = {a, x1, x2, x3, x4, x5};
#endif
  memcpy(call.arguments, after, sizeof after);
  return call;
}

static void keeps(const char *what, long number, long a, long b, long c, long d) {
  struct call call = make(number, a, b, c, d, 5, 6);
  long expected[6] = {a, b, c, d, 5, 6};
  bool is_kept = memcmp(call.arguments, expected, sizeof expected) == 0;
  say("%s: %s, kept %d", what, call.result < 0 ? error_name((int)-call.result) : "succeeded", is_kept);
}

static int count;
static void handler(int number) {
  (void)number;
  count++;
}

static void all(void) {
  pid_t own = getpid();
  keeps("kill 0", SYS_kill, own, 0, 3, 4);
  keeps("kill", SYS_kill, own, SIGUSR1, 3, 4);
  say("handled %d", count);
  keeps("kill a group", SYS_kill, -getpgrp(), 0, 3, 4);
  keeps("tgkill", SYS_tgkill, own, gettid(), SIGUSR1, 4);
  say("handled %d", count);
  keeps("nobody", SYS_kill, 4190001, 0, 3, 4);
  keeps("setpgid", SYS_setpgid, own, own, 3, 4);
  keeps("sched_getscheduler", SYS_sched_getscheduler, own, 2, 3, 4);
  keeps("getpriority", SYS_getpriority, PRIO_PROCESS, own, 3, 4);
  keeps("get limit", SYS_prlimit64, own, RLIMIT_NOFILE, 0, 0);
  timer_t timer;
  QUIET(syscall(SYS_timer_create, CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_NONE}, &timer));
  struct itimerspec end = {{0, 0}, {0, 0}}, left;
  clock_gettime(CLOCK_MONOTONIC, &end.it_value);
  end.it_value.tv_sec += 100;
  keeps("timer_settime", SYS_timer_settime, (long)timer, TIMER_ABSTIME, (long)&end, 0);
  QUIET(syscall(SYS_timer_gettime, timer, &left));
  say("left %d", left.it_value.tv_sec > 90 && left.it_value.tv_sec <= 100);
  QUIET(syscall(SYS_timer_delete, timer));
}

int main(void) {
  signal(SIGUSR1, handler);
  IN_CHILD all();
  // Who kills and stops itself.
  IN_CHILD keeps("SIGKILL", SYS_kill, getpid(), SIGKILL, 3, 4);
  pid_t child = fork();
  if (child == 0) {
    keeps("SIGSTOP", SYS_kill, getpid(), SIGSTOP, 3, 4);
    _exit(0);
  }
  int status;
  QUIET(waitpid(child, &status, WUNTRACED));
  say("stopped %d", WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  QUIET(kill(child, SIGCONT));
  wait_for("child", child);
  // Signals that come all the time.
  IN_CHILD {
    signal(SIGALRM, handler);
    ualarm(200, 200);
    long wrong = 0;
    for (int i = 0; i < 2000; i++) {
      long own = getpid();
      struct call call = make(SYS_kill, own, 0, 3, 4, 5, 6);
      wrong += call.result != 0 || call.arguments[1] != 0 || call.arguments[5] != 6;
    }
    ualarm(0, 0);
    say("wrong %ld", wrong);
  }
}
