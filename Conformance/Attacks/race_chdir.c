// Moves to a directory of the host's: the path of chdir is rewritten, the descriptor of fchdir exchanged while they are trapped.
// natively: escapes
#include "attack.h"

static char path[256];

static void look(const char *how) {
  char name[PATH_MAX];
  if (!getcwd(name, sizeof name)) return;
  if (name[0] != '/') escaped("%s led to %s, which is not below the root", how, name);
  int secret = open("secret", O_RDONLY);
  if (secret >= 0 && reads_secret(secret)) escaped("%s led to %s", how, name);
  close(secret);
}

static void *swap(void *argument) {
  int *fds = argument;
  while (fds[3] == 0) {
    dup2(fds[0], fds[2]);
    dup2(fds[1], fds[2]);
  }
  return NULL;
}

int main(void) {
  char first[256] = "", second[256] = "";
  snprintf(first, sizeof first, "%s/data/dir", given("ATTACK_WORK"));
  snprintf(second, sizeof second, "%s", outside("."));
  const char *thirds[] = {"/proc/1/root", "/proc/1/cwd", "/proc/self/root/..", "../../../../../../../../..", "/proc"};
  for (unsigned i = 0; i < 6; i++) {
    if (i) snprintf(second, sizeof second, "%s", thirds[i - 1]);
    struct racer racer;
    start_race(&racer, path, first, second, sizeof first);
    for (double end = now() + patience() / 3; now() < end;)
      if (chdir(path) == 0) look("chdir");
    end_race(&racer);
  }
  chdir(first);
  int fds[4] = {open("/", O_RDONLY | O_DIRECTORY), open("..", O_PATH), dup(0), 0};
  pthread_t thread;
  NEEDS(pthread_create(&thread, NULL, swap, fds) == 0);
  for (double end = now() + patience(); now() < end;)
    if (fchdir(fds[2]) == 0) look("fchdir");
  fds[3] = 1;
  pthread_join(thread, NULL);
  // Whatever was raced, the supervisor and the kernel agree on where we are.
  NEEDS(chdir(first) == 0);
  struct stat here, there;
  NEEDS(stat(".", &here) == 0 && stat(first, &there) == 0);
  if (here.st_ino != there.st_ino) escaped("the current directory is another to the supervisor than to the kernel");
  char name[PATH_MAX];
  NEEDS(getcwd(name, sizeof name));
  if (strcmp(name, first)) escaped("getcwd says %s", name);
  return verdict();
}
