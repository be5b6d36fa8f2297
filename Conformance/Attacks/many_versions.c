// One process makes thousands of versions of one file that another has read: the end of the run must not take their square.
#include "attack.h"

int main(void) {
  int ask[2], answer[2];
  NEEDS(pipe(ask) == 0 && pipe(answer) == 0);
  pid_t reader = fork();
  if (reader == 0) {
    close(ask[1]);
    char byte;
    while (read(ask[0], &byte, 1) == 1) {
      close(open("versions", O_RDONLY));
      write(answer[1], &byte, 1);
    }
    _exit(0);
  }
  for (int i = 0; i < 12000; i++) {
    int fd = open("versions", O_CREAT | O_TRUNC | O_WRONLY, 0644);
    NEEDS(fd >= 0);
    dprintf(fd, "%d\n", i);
    close(fd);
    char byte = 0;
    NEEDS(write(ask[1], &byte, 1) == 1 && read(answer[0], &byte, 1) == 1);
  }
  close(ask[1]);
  waitpid(reader, NULL, 0);
  return verdict();
}
