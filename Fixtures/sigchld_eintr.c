// A SIGCHLD handler without SA_RESTART, as a shell has: no call may fail with EINTR that Linux does not interrupt.
// calls: access mkdir openat rename rmdir rt_sigaction
#include "observe.h"

static volatile sig_atomic_t children;

static void reap(int number) {
  (void)number;
  children++;
}

// Many children end while the parent makes calls that never sleep; Linux never fails those with EINTR.
static void storm(const char *label, int flags) {
  struct sigaction action = {.sa_handler = reap, .sa_flags = flags};
  sigaction(SIGCHLD, &action, NULL);
  children = 0;
  int wrong = 0, interrupted = 0;
  long rounds = 0;
  for (int batch = 0; batch < 25; batch++) {
    for (int i = 0; i < 8; i++) {
      if (fork() == 0) {
        for (volatile int spin = 0; spin < 20000 * i; spin++) continue;
        _exit(0);
      }
    }
    for (int left = 8; left > 0; rounds++) {
      struct stat st;
      int results[6];
      results[0] = stat("data/hello.txt", &st);
      results[1] = open("data/dir/a", O_RDONLY);
      results[2] = access("data", F_OK);
      results[3] = mkdir("d", 0755);
      results[4] = rename("d", "e");
      results[5] = rmdir("e");
      for (int i = 0; i < 6; i++) {
        if (results[i] < 0) wrong++, interrupted += errno == EINTR;
      }
      if (results[1] >= 0) close(results[1]);
      rmdir("d");
      rmdir("e");
      while (waitpid(-1, NULL, WNOHANG) > 0) left--;
    }
  }
  say("%s: wrong %d, interrupted %d, signals came %d", label, wrong, interrupted, children > 0);
}

int main(void) {
  storm("with SA_RESTART", SA_RESTART);
  storm("without SA_RESTART", 0);
  storm("without SA_RESTART, not for stops", SA_NOCLDSTOP);

  say("-- a read that sleeps is interrupted without SA_RESTART, and goes on with it");
  for (int flags = 0; flags < 2; flags++) {
    struct sigaction action = {.sa_handler = reap, .sa_flags = flags ? SA_RESTART : 0};
    sigaction(SIGCHLD, &action, NULL);
    int pipes[2];
    QUIET(pipe(pipes));
    pid_t writer = fork();
    if (writer == 0) {
      pause_ms(150);
      QUIET(write(pipes[1], "x", 1));
      for (;;) pause();
    }
    pid_t quick = fork();
    if (quick == 0) {
      pause_ms(50);
      _exit(0);
    }
    char byte;
    SHOW(read(pipes[0], &byte, 1));
    kill(writer, SIGKILL);
    wait_for("writer", writer);
    wait_for("quick", quick);
    close(pipes[0]);
    close(pipes[1]);
  }
  say("-- what the handler reads back is what was set");
  struct sigaction action = {.sa_handler = reap, .sa_flags = SA_NOCLDSTOP}, back;
  SHOW(sigaction(SIGCHLD, &action, NULL));
  SHOW(sigaction(SIGCHLD, NULL, &back));
  say("handler %d, SA_RESTART %d, SA_NOCLDSTOP %d", back.sa_handler == reap, (back.sa_flags & SA_RESTART) != 0,
      (back.sa_flags & SA_NOCLDSTOP) != 0);

  say("-- SA_NOCLDWAIT");
  action.sa_flags = SA_NOCLDWAIT;
  sigaction(SIGCHLD, &action, NULL);
  pid_t pid = fork();
  if (pid == 0) _exit(0);
  SHOW(waitpid(pid, NULL, 0));
}
