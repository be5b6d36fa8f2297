// prctl and arch_prctl: the options that programs use.
// calls: arch_prctl prctl
#include "observe.h"
#include <asm/prctl.h>
#include <sys/prctl.h>

int main(void) {
  char name[17] = "";
  SHOW(prctl(PR_GET_NAME, name));
  say("%s", name);
  SHOW(prctl(PR_SET_NAME, "a name that is too long"));
  SHOW(prctl(PR_GET_NAME, name));
  say("%s", name);
  SHOW(prctl(PR_SET_NAME, bad_pointer()));
  IN_CHILD {
    prctl(PR_GET_NAME, name);
    say("inherited %s", name);
  }

  say("-- death signal");
  int number = 99;
  SHOW(prctl(PR_GET_PDEATHSIG, &number));
  say("signal %d", number);
  SHOW(prctl(PR_SET_PDEATHSIG, SIGUSR1));
  SHOW(prctl(PR_GET_PDEATHSIG, &number));
  say("signal %d", number);
  SHOW(prctl(PR_SET_PDEATHSIG, 99));
  SHOW(prctl(PR_SET_PDEATHSIG, 0));
  int pipes[2];
  QUIET(pipe(pipes));
  IN_CHILD {
    if (fork() == 0) {
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGUSR1);
      sigprocmask(SIG_BLOCK, &set, NULL);
      prctl(PR_SET_PDEATHSIG, SIGUSR1);
      QUIET(write(pipes[1], "r", 1));
      sigwait(&set, &number);
      QUIET(write(pipes[1], number == SIGUSR1 ? "U" : "?", 1));
      _exit(0);
    }
    char byte;
    QUIET(read(pipes[0], &byte, 1));
  }
  char byte;
  SHOW(read(pipes[0], &byte, 1));
  say("the orphan got %c", byte);

  say("-- subreaper");
  int reaper = -1;
  SHOW(prctl(PR_GET_CHILD_SUBREAPER, &reaper));
  SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
  SHOW(prctl(PR_GET_CHILD_SUBREAPER, &reaper));
  say("reaper %d", reaper);
  pid_t me = getpid();
  IN_CHILD {
    if (fork() == 0) {
      for (int i = 0; i < 1000 && getppid() != me; i++) pause_ms(1);
      _exit(getppid() == me ? 55 : 1);
    }
  }
  int status;
  SHOW(wait(&status) > 0);
  say_status("orphan", status);
  SHOW(prctl(PR_SET_CHILD_SUBREAPER, 0));

  say("-- dumpable, keepcaps, capabilities, timer slack, THP");
  SHOW(prctl(PR_GET_DUMPABLE));
  SHOW(prctl(PR_SET_DUMPABLE, 0));
  SHOW(prctl(PR_GET_DUMPABLE));
  // Others may not look into this process now; its calls are answered all the same, and its children's.
  SHOW(access("data/hello.txt", F_OK));
  show_file("data/hello.txt");
  IN_CHILD show_file("data/hello.txt");
  IN_CHILD execl("/bin/cat", "cat", "data/dir/a", NULL);
  SHOW(prctl(PR_SET_DUMPABLE, 1));
  SHOW(prctl(PR_SET_DUMPABLE, 2));
  SHOW(prctl(PR_GET_KEEPCAPS));
  SHOW(prctl(PR_CAPBSET_READ, 9999));
  SHOW(prctl(PR_SET_TIMERSLACK, 70000));
  SHOW(prctl(PR_GET_TIMERSLACK));
  show_file("/proc/self/timerslack_ns");
  IN_CHILD SHOW(prctl(PR_GET_TIMERSLACK));
  SHOW(prctl(PR_SET_TIMERSLACK, 50001));
  SHOW(prctl(PR_GET_TIMERSLACK));
  SHOW(prctl(PR_SET_TIMERSLACK, 1000));
  SHOW(prctl(PR_GET_TIMERSLACK));
  SHOW(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  SHOW(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
  SHOW(prctl(9999, 0, 0, 0, 0));

#ifdef __x86_64__
  say("-- arch_prctl");
  unsigned long base = 0, before = 0;
  SHOW(syscall(SYS_arch_prctl, ARCH_GET_FS, &base));
  say("fs is set %d", base != 0);
  SHOW(syscall(SYS_arch_prctl, ARCH_GET_GS, &before));
  SHOW(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x1000));
  SHOW(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
  say("gs %#lx", base);
  SHOW(syscall(SYS_arch_prctl, ARCH_SET_GS, before));
  SHOW(syscall(SYS_arch_prctl, 0x9999, 0));
#endif
}
