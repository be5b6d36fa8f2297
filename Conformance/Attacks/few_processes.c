// alone: counts all processes of the user
// As many processes as the user may have: the supervisor, which is the same user, can make no thread any more and must not need one.
// limit: nproc 150
#include "attack.h"

int main(void) {
  int hold[2];
  NEEDS(pipe(hold) == 0);
  pid_t pid;
  for (int i = 0; i < 400 && (pid = fork()) >= 0; i++)
    if (pid == 0) {
      close(hold[1]);
      char byte;
      read(hold[0], &byte, 1);
      _exit(0);
    }
  // Work for the threads of the supervisor: copies of a large file, by several at once.
  int large = open("large", O_CREAT | O_WRONLY, 0644);
  NEEDS(large >= 0);
  for (int i = 0; i < 32; i++) write(large, (char[65536]){1}, 65536);
  close(large);
  NEEDS(truncate("data/numbers.txt", 5) == 0);
  close(open("large", O_RDWR));
  NEEDS(open("data/sparse", O_RDWR) >= 0);
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  struct stat st;
  NEEDS(fstat(s, &st) == 0);
  close(hold[1]);
  while (waitpid(-1, NULL, 0) > 0) {
  }
  NEEDS(stat("data/hello.txt", &st) == 0);
  return verdict();
}
