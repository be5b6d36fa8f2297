// options: --timeout 2
// status: 124
// alone: the clock is looked at beside it, and it keeps every processor busy that there is
// The guest keeps everybody busy who could end it: its command is stopped and continued without end, so that guest init has more to tell than
// anybody reads; large files of /proc and deaths hold up the virtual kernel. The time limit must end it all the same.
#include "attack.h"
#include <sys/mman.h>
#include <sys/wait.h>

enum { MAPS = 20000 };

int main(void) {
  pid_t command = getpid();
  for (int s = 1; s < 32; s++) signal(s, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  if (!fork()) {
    int file = open("/etc/passwd", O_RDONLY);
    char *m = mmap(0, MAPS * 8192L, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (long k = 0; k < MAPS; k++) mmap(m + k * 8192, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0);
    for (;;) close(open("/proc/self/smaps", O_RDONLY));
  }
  if (!fork())
    for (;;) { // deaths without end, each of a process that the supervisor knows
      for (int i = 0; i < 4; i++)
        if (!fork()) {
          close(open("/etc/hostname", O_RDONLY));
          _exit(0);
        }
      usleep(50000);
      while (waitpid(-1, NULL, WNOHANG) > 0) {}
    }
  if (!fork())
    for (;;) {
      kill(command, SIGSTOP);
      usleep(30);
      kill(command, SIGCONT);
      usleep(30);
    }
  for (;;) usleep(1000);
}
