// wait4, waitid, waitpid with their options.
// calls: wait4 waitid
#include "observe.h"

static const char *code_name(int code) {
  static const char *const names[] = {"?", "CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"};
  return code >= 0 && code < 7 ? names[code] : "?";
}

static pid_t sleeper(void) {
  pid_t pid = fork();
  if (pid == 0) {
    for (;;) pause();
  }
  return pid;
}

int main(void) {
  siginfo_t info;
  int status = 0;
  SHOW(wait(&status));
  SHOW(waitpid(-1, &status, WNOHANG));
  SHOW(waitpid(1 << 28, &status, 0));
  SHOW(waitpid(getpid(), &status, 0));
  SHOW(waitpid(-1, &status, 0x10000000));
  SHOW(waitid(P_ALL, 0, &info, 0));
  SHOW(waitid(P_ALL, 0, &info, WEXITED));
  SHOW(waitid(99, 0, &info, WEXITED));

  say("-- WNOHANG, stop, continue, kill");
  pid_t pid = sleeper();
  SHOW(waitpid(pid, &status, WNOHANG));
  SHOW(kill(pid, SIGSTOP));
  SHOW(waitpid(pid, &status, WUNTRACED) == pid);
  say_status("child", status);
  SHOW(kill(pid, SIGCONT));
  SHOW(waitpid(pid, &status, WCONTINUED) == pid);
  say_status("child", status);
  SHOW(kill(pid, SIGTERM));
  memset(&info, 0, sizeof info);
  SHOW(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
  say("%s, the pid %d, uid right %d, status %d, signal %s", code_name(info.si_code), info.si_pid == pid,
      info.si_uid == getuid(), info.si_status, signal_name(info.si_signo));
  SHOW(kill(pid, 0));
  SHOW(waitpid(pid, &status, 0) == pid);
  say_status("child", status);
  SHOW(kill(pid, 0));
  SHOW(waitpid(pid, &status, 0));

  say("-- waitid sees each");
  pid = sleeper();
  static const int signals[] = {SIGSTOP, SIGCONT, SIGKILL};
  for (int i = 0; i < 3; i++) {
    kill(pid, signals[i]);
    memset(&info, 0, sizeof info);
    SHOW(waitid(P_PID, pid, &info, WEXITED | WSTOPPED | WCONTINUED));
    say("%s status %d", code_name(info.si_code), info.si_status);
  }
  pid = fork();
  if (pid == 0) _exit(33);
  SHOW(waitid(P_ALL, 0, &info, WEXITED));
  say("%s status %d", code_name(info.si_code), info.si_status);

  say("-- by group");
  pid = sleeper();
  setpgid(pid, pid);
  pid_t other = fork();
  if (other == 0) _exit(4);
  SHOW(waitpid(-pid, &status, WNOHANG));
  SHOW(waitpid(0, &status, 0) == other);
  say_status("same group", status);
  kill(-pid, SIGKILL);
  SHOW(waitpid(-pid, &status, 0) == pid);
  say_status("other group", status);
  SHOW(waitpid(-pid, &status, 0));

  say("-- usage");
  struct rusage usage;
  pid = fork();
  if (pid == 0) {
    for (volatile int i = 0; i < 100000000; i++) continue;
    _exit(0);
  }
  SHOW(wait4(pid, &status, 0, &usage) == pid);
  say("used time %d, memory %d", usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 1000, usage.ru_maxrss > 0);
  SHOW(wait4(-1, bad_pointer(), 0, NULL));
  pid = fork();
  if (pid == 0) _exit(0);
  SHOW(wait4(pid, bad_pointer(), 0, NULL));

  say("-- SIGCHLD ignored: no zombies");
  signal(SIGCHLD, SIG_IGN);
  pid = fork();
  if (pid == 0) _exit(5);
  SHOW(waitpid(pid, &status, 0));
  signal(SIGCHLD, SIG_DFL);

  say("-- orphans go to the subreaper or to init, never back to the grandparent");
  int pipes[2];
  QUIET(pipe(pipes));
  pid_t me = getpid();
  IN_CHILD {
    if (fork() == 0) {
      while (getppid() != me && kill(getppid(), 0) == 0 && getppid() != 1) pause_ms(1);
      QUIET(write(pipes[1], getppid() == me ? "me" : "other", 5));
      _exit(0);
    }
  }
  char text[8] = "";
  close(pipes[1]);
  SHOW(read(pipes[0], text, 5) > 0);
  SHOW(wait(&status));
}
