#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

int main(int count, char **arguments) {
  int ends[2], file = open(arguments[1], O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (count != 2 || file < 0 || pipe(ends) != 0) return 1;
  // libc's own fork() makes a call in the child.
  long child = syscall(SYS_fork);
  if (child != 0) return child < 0;
  close(ends[1]);
  char text[99];
  // The processor's count is the chance that nobody takes away. What is read is the end of the parent.
  if ((__rdtsc() >> 8) % 2 == 0 && read(ends[0], text, 1) != 0) return 1;
  unsigned number;
  struct timespec now;
  if (getrandom(&number, sizeof number, 0) != sizeof number || clock_gettime(CLOCK_REALTIME, &now) != 0) return 1;
  int size = snprintf(text, sizeof text, "%ld %u %ld.%09ld\n", syscall(SYS_getpid), number, (long)now.tv_sec, now.tv_nsec);
  return write(file, text, size) != size;
}
