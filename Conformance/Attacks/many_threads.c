// alone: uses up process numbers
// Thousands of threads in a trapped call at once, most of which die in it.
#include "attack.h"

static volatile int started;

static void *trap(void *argument) {
  struct stat st;
  __atomic_add_fetch(&started, 1, __ATOMIC_RELAXED);
  for (;;) {
    stat("data/hello.txt", &st);
    close(open("data/dir/a", O_RDONLY));
    if (argument) chdir("data"), chdir("..");
  }
  return argument;
}

int main(void) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  for (int process = 0; process < 4; process++) IN_CHILD {
    pthread_t thread;
    int made = 0;
    while (made < 2500 && pthread_create(&thread, &attributes, trap, process == 2 ? &attributes : NULL) == 0) made++;
    usleep(100000);
    // 0: all at once; 1: the leader goes first; 2: an execve among them; 3: killed.
    if (process == 1) {
      alarm(1);
      pthread_exit(NULL);
    }
    if (process == 2) execl("/bin/true", "true", NULL);
    if (process == 3) raise(SIGKILL);
    _exit(0);
  }
  struct stat st;
  double start = now();
  NEEDS(stat("data/hello.txt", &st) == 0);
  if (now() - start > 3) escaped("a call of the living waited %.1f s for the dead", now() - start);
  return verdict();
}
