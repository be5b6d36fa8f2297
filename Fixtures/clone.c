// clone with its flags: what is shared between two tasks.
// calls: clone
#include "observe.h"
#include <sched.h>

static char stack[65536] __attribute__((aligned(16)));
static int value;

static int child(void *argument) {
  const char *what = argument;
  value = 2;
  if (!strcmp(what, "files")) {
    dup2(0, 40);
    open("data/hello.txt", O_RDONLY);
  } else if (!strcmp(what, "fs")) {
    chdir("data");
    umask(0077);
  } else if (!strcmp(what, "signal")) {
    signal(SIGUSR1, SIG_IGN);
  }
  return 7;
}

static void run(const char *what, int flags) {
  value = 1;
  pid_t pid = clone(child, stack + sizeof stack, flags, (void *)what);
  if (pid < 0) {
    say("clone for %s: %s", what, error_name(errno));
    return;
  }
  int status;
  pid_t got = waitpid(pid, &status, __WALL);
  say("clone for %s: the child %d, status %d, value %d", what, got == pid, WEXITSTATUS(status), value);
}

int main(void) {
  run("nothing", SIGCHLD);
  run("memory", SIGCHLD | CLONE_VM);
  run("vfork", SIGCHLD | CLONE_VM | CLONE_VFORK);

  say("-- CLONE_FILES");
  run("files", SIGCHLD);
  SHOW(fcntl(40, F_GETFD));
  run("files", SIGCHLD | CLONE_FILES);
  SHOW(fcntl(40, F_GETFD));
  char text[8];
  SHOW(read(3, text, 5));
  closefrom(3);

  say("-- CLONE_FS");
  run("fs", SIGCHLD);
  SHOW(access("hello.txt", F_OK));
  run("fs", SIGCHLD | CLONE_FS);
  SHOW(access("hello.txt", F_OK));
  say("umask %04o", umask(022));
  QUIET(chdir(".."));

  say("-- CLONE_SIGHAND");
  struct sigaction action;
  run("signal", SIGCHLD);
  sigaction(SIGUSR1, NULL, &action);
  say("ignored %d", action.sa_handler == SIG_IGN);
  run("signal", SIGCHLD | CLONE_VM | CLONE_SIGHAND);
  sigaction(SIGUSR1, NULL, &action);
  say("ignored %d", action.sa_handler == SIG_IGN);
  run("signal", SIGCHLD | CLONE_SIGHAND);

  say("-- the signal at the end");
  pid_t pid = clone(child, stack + sizeof stack, 0, "quiet");
  SHOW(waitpid(pid, NULL, 0));
  SHOW(waitpid(pid, NULL, __WCLONE) == pid);

  say("-- tids");
  pid_t parentTid = 0, childTid = -1;
  pid = clone(child, stack + sizeof stack, SIGCHLD | CLONE_PARENT_SETTID | CLONE_VM | CLONE_CHILD_CLEARTID, "tid", &parentTid,
              NULL, &childTid);
  waitpid(pid, NULL, __WALL);
  say("parent tid set %d, child tid cleared %d", parentTid == pid, childTid == 0);

  say("-- CLONE_PARENT");
  IN_CHILD {
    pid_t sibling = clone(child, stack + sizeof stack, SIGCHLD | CLONE_PARENT, "sibling");
    SHOW(sibling > 0);
    SHOW(waitpid(sibling, NULL, 0));
  }
  int status = -1;
  SHOW(wait(&status) > 0);
  say_status("sibling", status);

  say("-- refusals");
  run("thread without sighand", SIGCHLD | CLONE_THREAD);
  run("sighand without vm", SIGCHLD | CLONE_SIGHAND);
  run("thread without vm", SIGCHLD | CLONE_THREAD | CLONE_SIGHAND);
}
