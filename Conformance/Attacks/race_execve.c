// Runs a program of the host's: the path is rewritten while execve and execveat are trapped.
// natively: escapes
#include "attack.h"

static char path[PATH_MAX];
static int descriptor;

static void *swap_descriptor(void *argument) {
  volatile bool *stop = argument;
  int allowed = open("/bin/true", O_RDONLY | O_CLOEXEC), other = open("data/noaccess", O_RDONLY | O_CLOEXEC);
  while (!*stop) {
    dup3(allowed, descriptor, O_CLOEXEC);
    if (other >= 0) dup3(other, descriptor, O_CLOEXEC);
  }
  return NULL;
}

static void judge(const char *how) {
  if (WIFEXITED(child_status) && WEXITSTATUS(child_status) == 77) escaped("%s ran the host's program", how);
}

int main(void) {
  char first[256] = "/bin/true", second[256] = "";
  snprintf(second, sizeof second, "%s", outside("program"));
  for (int way = 0; way < 3; way++) {
    double end = now() + patience();
    while (now() < end) {
      IN_CHILD {
        // In a child, as a success ends the thread that races.
        struct racer racer;
        start_race(&racer, path, first, second, sizeof first);
        double give_up = now() + 0.05;
        while (now() < give_up) {
          if (way == 0) execve(path, (char *[]){"x", NULL}, (char *[]){NULL});
          if (way == 1) syscall(SYS_execveat, AT_FDCWD, path, (char *[]){"x", NULL}, (char *[]){NULL}, 0);
          // The empty path of AT_EMPTY_PATH becomes a name.
          if (way == 2) syscall(SYS_execveat, open("/", O_PATH), path + 1, (char *[]){"x", NULL}, NULL, AT_EMPTY_PATH);
        }
        _exit(1);
      }
      judge(way ? "execveat" : "execve");
    }
  }
  // A descriptor that changes hands between the check and the run: what may not be run is not.
  descriptor = open("/bin/true", O_RDONLY | O_CLOEXEC);
  for (double end = now() + patience(); now() < end;) IN_CHILD {
    volatile bool stop = false;
    pthread_t thread;
    pthread_create(&thread, NULL, swap_descriptor, (void *)&stop);
    for (double give_up = now() + 0.02; now() < give_up;)
      syscall(SYS_execveat, descriptor, "", (char *[]){"x", NULL}, (char *[]){NULL}, AT_EMPTY_PATH);
    _exit(1);
  }
  return verdict();
}
