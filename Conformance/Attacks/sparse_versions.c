// A file of terabytes that has no contents, in many versions: what is kept at the end of a run must not be read byte by byte.
#include "attack.h"

int main(void) {
  off_t size = 1l << 43;
  for (int i = 0; i < 3; i++) {
    char name[32];
    snprintf(name, sizeof name, "sparse%d", i);
    // Written by one process, read by another, written by a third: a version that is kept.
    IN_CHILD {
      int fd = open(name, O_CREAT | O_RDWR, 0644);
      while (ftruncate(fd, size) && size > 1) size /= 2;
      pwrite(fd, "end", 3, size - 3);
      close(fd);
    }
    IN_CHILD close(open(name, O_RDONLY));
    IN_CHILD {
      int fd = open(name, O_WRONLY);
      NEEDS(fd >= 0);
      pwrite(fd, "other", 5, 0);
    }
    IN_CHILD close(open(name, O_RDONLY));
    IN_CHILD close(open(name, O_WRONLY));
  }
  return verdict();
}
