// Filters and tracers of its own, to see or answer a call before the supervisor or to change it afterwards.
#include "attack.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

static int install(unsigned action, int number, unsigned flags) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {4, filter};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

// The tracer makes the call `wanted` of what the tracee asked for.
static void trace(const char *how, bool by_filter) {
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    if (by_filter) install(SECCOMP_RET_TRACE, SYS_getppid, 0);
    // mount("none", "/", ...): refused whoever asks. unshare(CLONE_NEWUSER), which anybody may natively.
    long answer = syscall(SYS_getppid, 0x10000000);
    _exit(answer == 0 ? 77 : 0);
  }
  int status;
  waitpid(pid, &status, 0);
  ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  for (int stops = 0; stops < 200; stops++) {
    ptrace(by_filter ? PTRACE_CONT : PTRACE_SYSCALL, pid, 0, 0);
    if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status)) break;
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, 0, &registers) == 0 && registers.orig_rax == SYS_getppid && registers.rax == (unsigned long)-ENOSYS) {
      registers.orig_rax = SYS_unshare;
      ptrace(PTRACE_SETREGS, pid, 0, &registers);
    }
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) escaped("%s made a call that is refused", how);
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
}

int main(void) {
  NEEDS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  IN_CHILD {
    if (install(SECCOMP_RET_USER_NOTIF, SYS_openat, SECCOMP_FILTER_FLAG_NEW_LISTENER) >= 0) escaped("a listener of its own");
    if (install(SECCOMP_RET_USER_NOTIF, SYS_openat, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH) >= 0)
      escaped("a listener of its own, for all threads");
  }
  IN_CHILD {
    // An allow of its own does not win over the supervisor's answer.
    install(SECCOMP_RET_ALLOW, SYS_mount, 0);
    install(SECCOMP_RET_LOG, SYS_unshare, 0);
    if (syscall(SYS_unshare, 0x10000000) == 0) escaped("unshare is allowed by a filter of its own");
  }
  // Filters that end, answer or signal the calls that the supervisor is asked about.
  unsigned actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_TRACE};
  for (unsigned i = 0; i < 5; i++)
    for (int number = 0; number < 3; number++) IN_CHILD {
      install(actions[i], (int[]){SYS_openat, SYS_execve, SYS_set_robust_list}[number], SECCOMP_FILTER_FLAG_LOG);
      open("data/hello.txt", O_RDONLY);
      if (fork() == 0) _exit(0);
      execl("/bin/true", "true", NULL);
    }
  // An answer of its own that nobody listens to.
  IN_CHILD {
    install(SECCOMP_RET_USER_NOTIF, SYS_getppid, 0);
    syscall(SYS_getppid);
  }
  // As many filters as there may be.
  IN_CHILD {
    for (int i = 0; i < 5000 && install(SECCOMP_RET_ALLOW, i, 0) == 0; i++) {
    }
    open("data/hello.txt", O_RDONLY);
  }
  // The calls of a region go to a handler instead of the kernel; the supervisor sees what is left.
  IN_CHILD {
    static volatile char selector = 0;
    prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, &selector);
    open("data/hello.txt", O_RDONLY);
    if (syscall(SYS_unshare, 0x10000000) == 0) escaped("unshare under syscall user dispatch");
  }
  trace("a tracer", false);
  trace("a tracer through a filter", true);
  return verdict();
}
