// Makes the trace tell of another program than the one that ran, and of other arguments: a thread rewrites both while execve is let through, and
// programs are asked for that the kernel refuses. Each process ends with a status that says what it was.
// programs: first=11 second=22
#include "attack.h"

static char path[] = "./second";
static char argument[] = "a";

static void copy_self(const char *name) {
  int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  char bytes[65536];
  ssize_t count;
  NEEDS(from >= 0 && to >= 0);
  while ((count = read(from, bytes, sizeof bytes)) > 0) NEEDS(write(to, bytes, count) == count);
  close(from);
  close(to);
}

static void run_raced(void) {
  // A child that shares its memory with the thread that races.
  pid_t pid = vfork();
  if (pid == 0) {
    execv(path, (char *[]){"x", argument, NULL});
    _exit(1);
  }
  NEEDS(pid > 0);
  while (waitpid(pid, &child_status, 0) < 0) NEEDS(errno == EINTR);
}

int main(int argc, char **argv) {
  char self[PATH_MAX] = "";
  NEEDS(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  const char *name = strrchr(self, '/') + 1;
  int status = !strcmp(name, "first") ? 11 : !strcmp(name, "second") ? 22 : 0;
  if (status) return status + (argc > 1 && argv[1][0] == 'b');

  copy_self("second");
  copy_self("first");
  // Both stand in the skeleton from here on.
  IN_CHILD execl("./first", "x", "a", NULL);
  IN_CHILD execl("./second", "x", "a", NULL);

  // What the kernel refuses has not run.
  int text = open("text", O_WRONLY | O_CREAT | O_TRUNC, 0755);
  NEEDS(text >= 0 && write(text, "no program\n", 11) == 11);
  close(text);
  static char *many[1 << 20];
  for (size_t i = 0; i + 1 < sizeof many / sizeof *many; i++) many[i] = "0123456789";
  IN_CHILD {
    execv("./first", many);
    if (errno != E2BIG) broken("too many arguments: %s", strerror(errno));
    execl("./text", "x", NULL);
    if (errno != ENOEXEC) broken("no format: %s", strerror(errno));
    access("/", F_OK);
    _exit(3);
  }
  IN_CHILD {
    // It lives on without a call that is seen, and ends with one.
    execv("./second", many);
    _exit(4);
  }

  struct racer racer, other;
  start_race(&racer, path, "./first\0", "./second", sizeof path);
  start_race(&other, argument, "a", "b", 1);
  for (double end = now() + patience(); now() < end;) run_raced();
  end_race(&racer);
  end_race(&other);
  return verdict();
}
