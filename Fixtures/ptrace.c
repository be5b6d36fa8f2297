// ptrace among the processes of the tree: stops, memory, registers, system call stops.
// calls: ptrace
#include "observe.h"
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

static long word = 0x1122334455667788;

static void stop_of(pid_t pid) {
  int status;
  if (waitpid(pid, &status, 0) < 0) say("waitpid: %s", error_name(errno));
  else if (WIFSTOPPED(status) && status >> 16) say("stopped by %s, event %d", signal_name(WSTOPSIG(status) & 0x7f), status >> 16);
  else if (WIFSTOPPED(status) && (WSTOPSIG(status) & 0x80)) say("stopped at a system call");
  else say_status("tracee", status);
}

int main(void) {
  say("-- PTRACE_TRACEME");
  pid_t pid = fork();
  if (pid == 0) {
    QUIET(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    raise(SIGSTOP);
    _exit(word == 5 ? 9 : 1);
  }
  stop_of(pid);
  errno = 0;
  long value = ptrace(PTRACE_PEEKDATA, pid, &word, NULL);
  say("peeked %#lx %d", value, errno);
  SHOW(ptrace(PTRACE_POKEDATA, pid, &word, 5L));
  SHOW(ptrace(PTRACE_PEEKDATA, pid, bad_pointer(), NULL));
  SHOW(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT)));
  SHOW(ptrace(PTRACE_CONT, pid, NULL, NULL));
  stop_of(pid);
  SHOW(ptrace(PTRACE_CONT, pid, NULL, NULL));
  stop_of(pid);

  say("-- system calls, those that are trapped among them");
  pid = fork();
  if (pid == 0) {
    QUIET(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    raise(SIGSTOP);
    syscall(SYS_getppid);
    syscall(SYS_access, "data/hello.txt", F_OK);
    syscall(SYS_access, "data/missing", F_OK);
    _exit(3);
  }
  stop_of(pid);
  SHOW(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)));
  for (int i = 0, seen = 0; i < 200 && seen < 4; i++) {
    int status;
    if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status)) break;
    struct __ptrace_syscall_info info = {0};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0) {
      say("no information: %s", error_name(errno));
      break;
    }
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      bool access = info.entry.nr == SYS_access, ends = info.entry.nr == SYS_exit_group;
      if (access || ends || info.entry.nr == SYS_getppid) {
        say("enters %s", access ? "access" : ends ? "exit_group" : "getppid");
        seen++;
        if (access && ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) == pid) {
          ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
          say("leaves with %lld", (long long)info.exit.rval);
        }
      }
    }
  }
  SHOW(ptrace(PTRACE_DETACH, pid, NULL, NULL));
  stop_of(pid);

  say("-- PTRACE_SEIZE, exec and fork events");
  int pipes[2];
  QUIET(pipe(pipes));
  pid = fork();
  if (pid == 0) {
    char byte;
    QUIET(read(pipes[0], &byte, 1));
    pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
    execl("/bin/true", "true", NULL);
  }
  SHOW(ptrace(PTRACE_SEIZE, pid, NULL, (void *)(PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK)));
  QUIET(write(pipes[1], "x", 1));
  stop_of(pid);
  unsigned long child = 0;
  SHOW(ptrace(PTRACE_GETEVENTMSG, pid, NULL, &child));
  int status;
  SHOW(waitpid((pid_t)child, &status, __WALL) == (pid_t)child);
  SHOW(ptrace(PTRACE_DETACH, (pid_t)child, NULL, NULL));
  SHOW(ptrace(PTRACE_CONT, pid, NULL, NULL));
  stop_of(pid);
  SHOW(ptrace(PTRACE_CONT, pid, NULL, (void *)SIGCHLD));
  stop_of(pid);
  SHOW(ptrace(PTRACE_CONT, pid, NULL, NULL));
  stop_of(pid);

  say("-- refusals");
  SHOW(ptrace(PTRACE_ATTACH, getpid(), NULL, NULL));
  SHOW(ptrace(PTRACE_ATTACH, 1 << 28, NULL, NULL));
  SHOW(ptrace(PTRACE_CONT, 1 << 28, NULL, NULL));
  SHOW(ptrace(PTRACE_PEEKDATA, getppid(), &word, NULL));
}
