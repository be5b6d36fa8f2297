// options: --process-numbers
// Numbers of processes that are not its own, in each call that takes one and is made again with another in its place: the host's, guest
// init's, those beside what a run gives out, negative ones, the largest and smallest, and such with bits above the 32 that the kernel looks at.
#include "attack.h"
#include <sys/ptrace.h>

static volatile sig_atomic_t received;
static void count(int signal) { (void)signal, received++; }

enum { MAX = 64 };
static long numbers[MAX];
static int known;

// What each does with a number. None of them may reach a process that the attack has not made.
static long try(int call, long n, int variant) {
  char buffer[64] = "";
  struct rlimit limits = {1, 1}, old;
  struct iovec here = {buffer, sizeof buffer}, there = {(void *)0x400000, sizeof buffer};
  siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
  int zero[16] = {0};
  switch (call) {
  case 0: return syscall(SYS_kill, n, variant ? SIGKILL : SIGSTOP);
  case 1: return syscall(SYS_tkill, n, SIGKILL);
  case 2: return syscall(SYS_tgkill, n, n, SIGKILL);
  case 3: return syscall(SYS_tgkill, getpid(), n, SIGKILL);
  case 4: return syscall(SYS_tgkill, n, getpid(), SIGKILL);
  case 5: return syscall(SYS_pidfd_open, n, 0);
  case 6: return syscall(SYS_setpgid, n, variant ? n : 0);
  case 7: return syscall(SYS_prlimit64, n, RLIMIT_CPU, &limits, &old);
  case 8: return syscall(SYS_prlimit64, n, RLIMIT_CPU, NULL, &old);
  case 9: return syscall(SYS_process_vm_readv, n, &here, 1, &there, 1, 0);
  case 10: return syscall(SYS_process_vm_writev, n, &here, 1, &there, 1, 0);
  case 11: return syscall(SYS_ptrace, variant ? PTRACE_ATTACH : PTRACE_SEIZE, n, 0, 0);
  case 12: return syscall(SYS_sched_setparam, n, zero);
  case 13: return syscall(SYS_sched_setscheduler, n, SCHED_BATCH, zero);
  case 14: return syscall(SYS_sched_setaffinity, n, 8, &(long){1});
  case 15: return syscall(SYS_setpriority, PRIO_PROCESS, n, 19);
  case 16: return syscall(SYS_setpriority, PRIO_PGRP, n, 19);
  case 17: return syscall(SYS_ioprio_set, 1, n, 3 << 13);
  case 18: return syscall(SYS_rt_sigqueueinfo, n, SIGUSR1, &info);
  case 19: return syscall(SYS_rt_tgsigqueueinfo, n, n, SIGUSR1, &info);
  case 20: return syscall(SYS_kcmp, getpid(), n, 0, 0, 0);
  case 21: return syscall(SYS_get_robust_list, n, &here.iov_base, &here.iov_len);
  case 22: return syscall(SYS_migrate_pages, n, 8, &(long){1}, &(long){1});
  case 23: return syscall(SYS_move_pages, n, 0, NULL, NULL, NULL, 0);
  case 24: return syscall(SYS_getpgid, n);
  case 25: return syscall(SYS_getsid, n);
  case 26: return syscall(SYS_sched_getattr, n, buffer, sizeof buffer, 0);
  case 27: {
    static const char *const files[] = {"", "/mem", "/environ", "/root/etc/hostname", "/fd/0", "/oom_score_adj", "/task"};
    for (int i = 0; i < 7; i++) {
      snprintf(buffer, sizeof buffer, "/proc/%ld%s", n, files[i]);
      if (!access(buffer, F_OK)) return 0;
    }
    return errno = ENOENT, -1;
  }
  case 28: return syscall(SYS_fcntl, open("/dev/null", O_RDONLY), F_SETOWN, n);
  default: return errno = ENOSYS, -1;
  }
}
enum { CALLS = 29 };

int main(void) {
  signal(SIGUSR1, count);
  // Whom a wrong number could hit: a sibling that has nothing to do with it, in a session of its own.
  pid_t bystander = fork();
  if (!bystander) {
    setsid();
    for (;;) pause();
  }
  int victim = number("ATTACK_VICTIM"), supervisor = number("ATTACK_SUPERVISOR");
  long foreign[] = {victim, supervisor, 1, 1L << 21, (1L << 21) + 1, (1L << 22) - 1, 1L << 22, (1L << 22) + 1, INT_MAX, 1L << 30};
  for (unsigned i = 0; i < sizeof foreign / sizeof *foreign; i++) numbers[known++] = foreign[i];
  numbers[known++] = INT_MIN, numbers[known++] = INT_MIN + 1;
  for (unsigned i = 0, count = known; i < count; i++) {
    if (foreign[i % 10] != 1 && numbers[i] > 0) numbers[known++] = -numbers[i];
    numbers[known++] = numbers[i] | 1L << 32;
    numbers[known++] = numbers[i] ^ (long)0xdeadbeef00000000;
  }
  for (int call = 0; call < CALLS; call++)
    for (int i = 0; i < known; i++)
      for (int variant = 0; variant < 2; variant++) {
        int low = (int)numbers[i];
        // Asks whether there is one by chance: the guest's own processes are the only ones.
        if (low == getpid() || low == bystander || low == -bystander) continue;
        if (!getpgid(low)) continue;
        IN_CHILD {
          long result = try(call, numbers[i], variant);
          // Of init's number its namespace's own rules say what may be asked.
          if (result >= 0 && low != 1 && low != -1 && !(call == 28 && low <= 0)) escaped("call %d with %#lx returned %ld", call, numbers[i], result);
        }
        if (WIFSIGNALED(child_status)) escaped("call %d with %#lx has hit its caller: %#x", call, numbers[i], child_status);
      }
  int status;
  if (waitpid(bystander, &status, WNOHANG | WUNTRACED) != 0) escaped("a bystander was hit: %#x", status);
  if (received) escaped("the attack itself was hit");
  // By both numbers a process is the same one, and only that.
  int pipes[2];
  NEEDS(pipe(pipes) == 0);
  for (int i = 0; i < 200; i++) {
    pid_t child = fork();
    if (!child) {
      int own = getpid();
      NEEDS(write(pipes[1], &own, sizeof own) == sizeof own);
      for (;;) pause();
    }
    int own;
    NEEDS(read(pipes[0], &own, sizeof own) == sizeof own);
    if (kill(i & 1 ? own : -own, SIGTERM) != (i & 1 ? 0 : -1) && errno != EINTR) escaped("kill of a child: %d", errno);
    if (!(i & 1) && kill(own | INT_MIN, SIGTERM) == 0) escaped("a number with the sign's bit was taken");
    kill(child, SIGTERM);
    NEEDS(waitpid(child, &status, 0) == child);
    // The number of who is gone is nobody's.
    if (kill(own, SIGKILL) == 0) escaped("%d is still somebody", own);
  }
  kill(bystander, SIGKILL);
  return verdict();
}
