// Processes that kill each other in the middle of every kind of call: open, execve, rename, copy-up of a large file, exits of leaders.
#include "attack.h"

static void work(unsigned seed) {
  srand(seed);
  char name[32], other[32];
  for (;;) {
    snprintf(name, sizeof name, "kill%d", rand() % 8);
    snprintf(other, sizeof other, "kill%d", rand() % 8);
    switch (rand() % 14) {
    case 0: close(open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644)); break;
    case 1: rename(name, other); break;
    case 2: unlink(name); break;
    case 3: link(name, other); break;
    case 4: mkdir(name, 0755); break;
    case 5: rmdir(name); break;
    case 6: symlink(other, name); break;
    case 7:
      if (fork() == 0) execl("/bin/true", "true", NULL);
      break;
    case 8: close(open("large", O_RDWR)); break;
    case 9: close(open("data/many/f001", O_RDWR)); break;
    case 10: renameat2(AT_FDCWD, name, AT_FDCWD, other, 2); break;
    case 11: chdir(name), chdir(".."); break;
    case 12: close(open(".", O_TMPFILE | O_RDWR, 0600)); break;
    case 13:
      if (fork() == 0) {
        truncate("large", rand() % 2000000);
        _exit(0);
      }
    }
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
  }
}

int main(void) {
  int large = open("large", O_CREAT | O_WRONLY, 0644);
  for (int i = 0; i < 32; i++) write(large, (char[65536]){1}, 65536);
  close(large);
  unsigned seed = 1;
  pid_t workers[6] = {0};
  for (double end = now() + 4 * patience(); now() < end;) {
    for (int i = 0; i < 6; i++)
      if (workers[i] == 0 && (workers[i] = fork()) == 0) {
        setpgid(0, 0);
        work(seed + i);
      }
    usleep(rand() % 3000);
    int victim = rand() % 6;
    setpgid(workers[victim], workers[victim]);
    kill(-workers[victim], SIGKILL);
    while (waitpid(workers[victim], NULL, 0) < 0 && errno == EINTR) {
    }
    workers[victim] = 0;
    seed += 7;
  }
  for (int i = 0; i < 6; i++)
    if (workers[i]) {
      // It may not have come to make its own group.
      setpgid(workers[i], workers[i]);
      kill(-workers[i], SIGKILL);
    }
  while (waitpid(-1, NULL, 0) > 0) {
  }
  return verdict();
}
