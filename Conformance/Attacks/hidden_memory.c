// Uses more memory than --memory allows in a process that another thread than the first has started, and in a thread's process's child.
// options: --memory 150M
// status: 137
#include "attack.h"

enum { SIZE = 600 << 20 };

static void *start(void *argument) {
  if (fork() == 0) {
    char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEEDS(memory != MAP_FAILED);
    for (size_t offset = 0; offset < SIZE; offset += 4096) memory[offset] = 1;
    sleep(2);
    escaped("%d MiB", SIZE >> 20);
    _exit(0);
  }
  int status;
  // Where the kernel itself enforces the limit, it ends the one process; where the supervisor does, the whole guest.
  if (wait(&status) > 0 && WIFSIGNALED(status)) raise(SIGKILL);
  return argument;
}

int main(void) {
  pthread_t thread;
  NEEDS(pthread_create(&thread, NULL, start, NULL) == 0);
  pthread_join(thread, NULL);
  return verdict();
}
