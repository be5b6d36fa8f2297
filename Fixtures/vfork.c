// vfork, and posix_spawn, which uses the like of it.
// calls: clone3 execve vfork
#include "observe.h"
#include <spawn.h>

// Not inlined, so that the child cannot spoil a register of main.
__attribute__((noinline)) static void run(const char *path, char *const argv[]) {
  volatile int before = 1;
  pid_t pid = vfork();
  if (pid == 0) {
    before = 2;
    execv(path, argv);
    _exit(errno == ENOENT ? 101 : 102);
  }
  bool shared = before == 2;
  // Only now, because the program that the child became prints when it likes.
  wait_for(path, pid);
  say("the child's memory was ours %d", shared);
}

static void spawn(const char *path, char *const argv[], posix_spawn_file_actions_t *actions) {
  char *const environment[] = {"A=1", "PATH=/usr/bin:/bin", NULL};
  pid_t pid;
  int error = posix_spawn(&pid, path, actions, NULL, argv, environment);
  if (!error) wait_for("spawned", pid);
  say("posix_spawn %s: %s", path, error ? error_name(error) : "0");
}

int main(void) {
  run("/bin/echo", (char *const[]){"echo", "hello", NULL});
  run("/bin/sh", (char *const[]){"sh", "-c", "exit 5", NULL});
  run("data/missing", (char *const[]){"x", NULL});
  run("data/hello.txt", (char *const[]){"x", NULL});
  run("data/script.sh", (char *const[]){"x", "arg", NULL});

  say("-- the descriptor table is the child's own");
  pid_t pid = vfork();
  if (pid == 0) {
    close(0);
    open("data/hello.txt", O_RDONLY);
    open("data/empty", O_RDONLY);
    _exit(0);
  }
  wait_for("child", pid);
  SHOW(fcntl(0, F_GETFD));
  SHOW(fcntl(3, F_GETFD));

  say("-- posix_spawn");
  spawn("/bin/sh", (char *const[]){"sh", "-c", "echo $A; exit 3", NULL}, NULL);
  spawn("data/missing", (char *const[]){"x", NULL}, NULL);
  spawn("data/hello.txt", (char *const[]){"x", NULL}, NULL);
  spawn("data/script.sh", (char *const[]){"x", "1", NULL}, NULL);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "out", O_WRONLY | O_CREAT | O_TRUNC, 0640);
  posix_spawn_file_actions_addopen(&actions, 0, "data/hello.txt", O_RDONLY, 0);
  posix_spawn_file_actions_addchdir_np(&actions, "data/dir");
  spawn("/bin/sh", (char *const[]){"sh", "-c", "cat; cat a; echo done", NULL}, &actions);
  show_file("out");
  show_stat("out");
  posix_spawn_file_actions_addopen(&actions, 5, "missing/x", O_RDONLY, 0);
  spawn("/bin/true", (char *const[]){"true", NULL}, &actions);
  posix_spawn_file_actions_destroy(&actions);
  int good = 0;
  for (int i = 0; i < 50; i++) {
    int status = 1;
    if (posix_spawn(&pid, "/bin/true", NULL, NULL, (char *const[]){"true", NULL}, NULL) == 0) waitpid(pid, &status, 0);
    good += status == 0;
  }
  say("fifty spawned, good %d", good);
  say("system %d", WEXITSTATUS(system("exit 9")));
  FILE *out = popen("echo from popen; cat data/dir/c", "r");
  char line[64];
  while (fgets(line, sizeof line, out)) say("line %s", quote(line, strlen(line)));
  say("pclose %d", pclose(out));
}
