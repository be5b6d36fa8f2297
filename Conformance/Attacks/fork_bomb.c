// alone: uses up process numbers
// Makes processes until no more can be made: the host must keep process numbers for itself, although no limit was asked for.
#include "attack.h"
#include <sys/utsname.h>

// Of the guest's own numbers, which are half of the machine's (ContainmentTests).
static int largest(void) {
  char text[32] = {0};
  int file = open("/proc/sys/kernel/pid_max", O_RDONLY);
  NEEDS(file >= 0 && read(file, text, sizeof text - 1) > 0);
  close(file);
  return atoi(text);
}

int main(void) {
  struct utsname kernel;
  int major = 0, minor = 0;
  NEEDS(uname(&kernel) == 0 && sscanf(kernel.release, "%d.%d", &major, &minor) == 2);
  // Older kernels have one number for all pid namespaces.
  if (major < 6 || (major == 6 && minor < 14)) return verdict();
  int most = largest(), made = 0;
  signal(SIGCHLD, SIG_IGN);
  for (;;) {
    pid_t child = fork();
    if (child == 0)
      for (;;) pause();
    if (child < 0) break;
    if (++made > most) {
      escaped("%d processes", made);
      break;
    }
  }
  if (errno != EAGAIN) escaped("the last fork failed with %s", strerror(errno));
  kill(-1, SIGKILL);
  return verdict();
}
