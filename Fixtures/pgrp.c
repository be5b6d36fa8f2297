// Process groups and sessions.
// calls: getpgid getpgrp getsid ioctl kill setpgid setsid
#include "observe.h"
#include <sys/ioctl.h>
#include <termios.h>

int main(void) {
  // Whether this process leads a group depends on who started it, so all happens in children.
  IN_CHILD {
    pid_t me = getpid();
    say("leads no group %d", getpgrp() != me);
    SHOW(setpgid(0, 0));
    say("leads one now %d", getpgrp() == me && getpgid(0) == me && getpgid(me) == me);
    SHOW(setpgid(0, 0));
    SHOW(setsid());
    SHOW(getsid(0) == me);
  }
  IN_CHILD {
    pid_t me = getpid();
    SHOW(setsid() == me);
    say("leads session and group %d %d", getsid(0) == me, getpgrp() == me);
    SHOW(setpgid(0, 0));
    SHOW(setsid());
    SHOW(open("/dev/tty", O_RDWR));
    IN_CHILD {
      say("inherited %d %d", getsid(0) == me, getpgrp() == me);
      SHOW(setsid() == getpid());
      SHOW(setpgid(me, me));
      SHOW(kill(me, 0));
      SHOW(getsid(me) == me);
    }
  }

  say("-- a parent moves its child");
  int ready[2], go[2];
  QUIET(pipe(ready));
  QUIET(pipe(go));
  pid_t child = fork();
  char byte;
  if (child == 0) {
    QUIET(read(go[0], &byte, 1));
    say("child leads %d", getpgrp() == getpid());
    execl("/bin/cat", "cat", "/dev/null", "-", NULL);
    _exit(1);
  }
  SHOW(setpgid(child, child));
  SHOW(getpgid(child) == child);
  pid_t second = fork();
  if (second == 0) {
    for (;;) pause();
  }
  SHOW(setpgid(second, child));
  SHOW(setpgid(second, 1 << 28));
  SHOW(kill(-child, SIGSTOP));
  int status;
  SHOW(waitpid(child, &status, WUNTRACED) == child);
  say_status("first", status);
  SHOW(waitpid(second, &status, WUNTRACED) == second);
  say_status("second", status);
  SHOW(killpg(child, SIGCONT));
  SHOW(killpg(child, SIGTERM));
  wait_for("first", child);
  wait_for("second", second);
  SHOW(killpg(child, SIGTERM));

  say("-- after exec a child cannot be moved");
  child = fork();
  if (child == 0) {
    dup2(go[0], 0);
    dup2(ready[1], 1);
    execl("/bin/sh", "sh", "-c", "echo ready; read line", NULL);
    _exit(1);
  }
  QUIET(read(ready[0], &byte, 1));
  SHOW(setpgid(child, child));
  QUIET(write(go[1], "\n", 1));
  wait_for("shell", child);

  say("-- refusals");
  SHOW(setpgid(1 << 28, 0));
  SHOW(setpgid(0, -1));
  SHOW(getpgid(1 << 28));
  SHOW(getpgid(-1));
  SHOW(getsid(1 << 28));
  SHOW(kill(-(1 << 28), 0));

  say("-- an orphaned group that is stopped gets SIGHUP and SIGCONT");
  int report[2];
  QUIET(pipe(report));
  IN_CHILD {
    // In a session of its own, or the new parent may be in the same one, and then the group is no orphan.
    setsid();
    pid_t stopped = fork();
    if (stopped == 0) {
      setpgid(0, 0);
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGHUP);
      sigprocmask(SIG_BLOCK, &set, NULL);
      raise(SIGSTOP);
      int number = 0;
      sigwait(&set, &number);
      QUIET(write(report[1], number == SIGHUP ? "H" : "?", 1));
      _exit(0);
    }
    waitpid(stopped, NULL, WUNTRACED);
  }
  SHOW(read(report[0], &byte, 1));
  say("got %c", byte);

  say("-- a terminal of our own");
  IN_CHILD {
    setsid();
    int master = SHOW(posix_openpt(O_RDWR | O_NOCTTY));
    SHOW(grantpt(master));
    SHOW(unlockpt(master));
    char name[64];
    SHOW(ptsname_r(master, name, sizeof name));
    int slave = SHOW(open(name, O_RDWR));
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    SHOW(tcgetpgrp(slave) == getpgrp());
    SHOW(tcgetsid(slave) == getpid());
    int tty = SHOW(open("/dev/tty", O_RDWR));
    SHOW(isatty(tty));
    IN_CHILD {
      setpgid(0, 0);
      signal(SIGTTOU, SIG_IGN);
      SHOW(tcsetpgrp(tty, getpgrp()));
      SHOW(tcgetpgrp(tty) == getpgrp());
      signal(SIGINT, SIG_DFL);
      // No line is printed from here on: the signal may come before it.
      QUIET(write(master, "\003", 1));
      for (;;) pause();
    }
    signal(SIGHUP, SIG_IGN);
    SHOW(close(master));
    SHOW(write(slave, "x", 1));
  }
}
