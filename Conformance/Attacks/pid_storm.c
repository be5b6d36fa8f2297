// alone: uses up process numbers
// Processes that are born and die faster than they are buried, each with a state of its own: none may be taken for another.
#include "attack.h"

static void life(int seed) {
  char name[32], text[64];
  struct stat st;
  // Another umask and current directory than whoever had the same number before.
  umask(seed & 0777);
  NEEDS(chdir(seed % 2 ? "data/dir" : "data/emptydir") == 0);
  snprintf(name, sizeof name, "storm-%d", getpid());
  int fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0777);
  NEEDS(fd >= 0);
  if (fstat(fd, &st) == 0 && (st.st_mode & 0777) != (0777 & ~(seed & 0777u))) escaped("another process's umask: %o for %o", st.st_mode, seed & 0777);
  snprintf(text, sizeof text, "../%s/%s", seed % 2 ? "dir" : "emptydir", name);
  if (stat(text, &st)) escaped("another process's current directory");
  int link = open("/proc/self/stat", O_RDONLY);
  char line[32] = "";
  read(link, line, sizeof line - 1);
  if (atoi(line) != getpid()) escaped("/proc/self is %s for %d", line, getpid());
  unlink(name);
  _exit(0);
}

int main(void) {
  volatile unsigned seed = 1;
  // Numbers go fast, most of them unseen.
  for (volatile int i = 0; i < 4000; i++) {
    seed = seed * 1103515245 + 12345;
    pid_t pid = i % 4 == 0 ? fork() : vfork();
    NEEDS(pid >= 0);
    if (pid == 0 && i % 4 == 0) life(seed >> 16);
    if (pid == 0) {
      if (i % 4 == 1) syscall(SYS_umask, seed >> 16 & 0777);
      _exit(0);
    }
    if (i % 64 == 0)
      while (waitpid(-1, NULL, WNOHANG) > 0) {
      }
    if (i % 1000 == 0)
      while (waitpid(-1, NULL, 0) > 0) {
      }
  }
  while (waitpid(-1, NULL, 0) > 0) {
  }
  return verdict();
}
