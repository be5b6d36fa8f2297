// Signals, traces, reads, limits and steals from processes of the host, the supervisor and guest init, by host pids as well as pid 1.
// natively: escapes
#include "attack.h"
#include <sched.h>
#include <sys/ptrace.h>

static void attack(pid_t pid, const char *who, bool is_init) {
  // The host's number may be one of our own, too: not when nobody of us has as many.
  char byte[8];
  struct iovec local = {byte, sizeof byte}, remote = {(void *)0x400000, sizeof byte};
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (!is_init) {
    if (pidfd >= 0) escaped("%s: a pidfd", who);
    if (kill(pid, 0) == 0) escaped("%s: kill", who);
    if (kill(pid, SIGCONT) == 0) escaped("%s: SIGCONT", who);
    if (kill(-pid, 0) == 0) escaped("%s: its group", who);
    if (getpgid(pid) >= 0) escaped("%s: its group's number", who);
    if (getsid(pid) >= 0) escaped("%s: its session's number", who);
    if (sched_getscheduler(pid) >= 0) escaped("%s: its scheduler", who);
    if (getpriority(PRIO_PROCESS, pid) >= 0) escaped("%s: its priority", who);
    cpu_set_t set;
    if (sched_getaffinity(pid, sizeof set, &set) == 0) escaped("%s: its processors", who);
    if (syscall(SYS_ioprio_get, 1, pid) >= 0) escaped("%s: its I/O priority", who);
    clockid_t clock = (clockid_t)(~pid << 3 | 2);
    struct timespec time;
    if (clock_gettime(clock, &time) == 0) escaped("%s: its time", who);
  }
  if (ptrace(PTRACE_ATTACH, pid, 0, 0) == 0) escaped("%s: ptrace attach", who);
  if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) escaped("%s: ptrace seize", who);
  errno = 0;
  if (process_vm_readv(pid, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT) escaped("%s: its memory", who);
  if (process_vm_writev(pid, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT) escaped("%s: its memory, to write", who);
  if (syscall(SYS_kcmp, pid, getpid(), 2, 0, 0) >= 0) escaped("%s: kcmp", who);
  void *head;
  size_t size;
  if (syscall(SYS_get_robust_list, pid, &head, &size) == 0) escaped("%s: its robust list", who);
  if (syscall(SYS_migrate_pages, pid, 8, &(long){1}, &(long){1}) == 0) escaped("%s: its pages", who);
  if (syscall(SYS_move_pages, pid, 1, &(void *){(void *)0x400000}, NULL, &(int){0}, 0) == 0) escaped("%s: where its pages are", who);
  for (int fd = 0; fd < 32 && pidfd >= 0; fd++)
    if (syscall(SYS_pidfd_getfd, pidfd, fd, 0) >= 0) escaped("%s: its descriptor %d", who, fd);
  if (pidfd >= 0 && syscall(SYS_process_madvise, pidfd, &remote, 1, 21 /* MADV_PAGEOUT */, 0) >= 0) escaped("%s: process_madvise", who);
  const char *names[] = {"mem", "environ", "maps", "root/etc/passwd", "cwd/data", "exe", "fd/0", "ns/mnt", "auxv", "stack", "syscall",
                         "map_files", "pagemap", "personality", "timers", "fdinfo/0", "io", "clear_refs"};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
    for (int writes = 0; writes < 2; writes++) {
      char path[128];
      snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
      int fd = open(path, writes ? O_WRONLY : O_RDONLY);
      if (fd >= 0 && read(fd, byte, 1) != 0) escaped("%s: %s", who, path);
      close(fd);
    }
  // What anybody may read, but not write.
  const char *others[] = {"oom_score_adj", "oom_adj", "comm", "coredump_filter", "timerslack_ns", "autogroup", "sched", "loginuid"};
  for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
    char path[128];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, others[i]);
    if (open(path, O_WRONLY) >= 0 || open(path, O_RDWR) >= 0) escaped("%s: %s, to write", who, path);
  }
  if (pidfd >= 0) close(pidfd);
}

int main(void) {
  struct rlimit none = {0, 0}, old;
  attack(number("ATTACK_VICTIM"), "the host's process", false);
  attack(number("ATTACK_SUPERVISOR"), "the supervisor", false);
  if (number("ATTACK_SUPERVISOR") == getpid()) return verdict(); // natively
  attack(1, "guest init", true);
  if (getppid() > 1) escaped("a parent of number %d", getppid());
  // Every number that the host may have given.
  for (pid_t pid = 100; pid < 70000; pid++) {
    if (kill(pid, 0) == 0 || errno == EPERM) escaped("process %d", pid);
    if (syscall(SYS_tgkill, pid, pid, 0) == 0) escaped("thread %d", pid);
    siginfo_t info = {.si_code = SI_QUEUE};
    if (pid % 100 == 0 && syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info) == 0) escaped("a signal to %d", pid);
    if (pid % 100 == 0 && prlimit(pid, RLIMIT_CORE, &none, &old) == 0) escaped("the limits of %d", pid);
  }
  // By the user's number rather than the process's; the victim's nice value is looked at by the driver.
  setpriority(PRIO_USER, getuid(), 19);
  setpriority(PRIO_PGRP, number("ATTACK_VICTIM"), 19);
  syscall(SYS_ioprio_set, 3, getuid(), 3 << 13);
  // Signals by way of descriptors: the supervisor's own end of anything that is shared.
  for (int fd = 0; fd < 64; fd++) {
    fcntl(fd, F_SETOWN, number("ATTACK_VICTIM"));
    fcntl(fd, F_SETOWN, -number("ATTACK_VICTIM"));
    fcntl(fd, F_SETSIG, SIGKILL);
  }
  // Guest init lives and works after all of it: an execve of what has not run yet needs it.
  IN_CHILD for (int signal = 1; signal < 65; signal++) {
    kill(1, signal);
    syscall(SYS_tgkill, 1, 1, signal);
    siginfo_t info = {.si_code = SI_QUEUE};
    syscall(SYS_rt_sigqueueinfo, 1, signal, &info);
  }
  IN_CHILD execl("/bin/date", "date", "-u", NULL);
  if (child_status != 0) escaped("guest init does not bind any more: %#x", child_status);
  return verdict();
}
