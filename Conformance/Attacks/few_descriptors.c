// More processes than the supervisor may have descriptors: it refuses what it cannot hold, and goes on when they are gone.
// limit: nofile 200
#include "attack.h"

int main(void) {
  int hold[2];
  NEEDS(pipe(hold) == 0);
  int count = 0, refused = 0;
  for (; count < 400; count++) {
    pid_t pid = fork();
    if (pid < 0) break;
    if (pid == 0) {
      close(hold[1]);
      struct stat st;
      // Its first call is the one by which it is found.
      stat("data/hello.txt", &st);
      close(open("data/hello.txt", O_RDONLY));
      close(open("made", O_CREAT | O_WRONLY, 0644));
      char byte;
      read(hold[0], &byte, 1);
      _exit(0);
    }
  }
  usleep(200000);
  struct stat st;
  if (stat("data/hello.txt", &st)) refused++;
  close(hold[1]);
  while (waitpid(-1, NULL, 0) > 0) {
  }
  usleep(100000);
  for (double end = now() + 5; now() < end && (stat("data/hello.txt", &st) || access("data/many", F_OK));) usleep(1000);
  NEEDS(stat("data/hello.txt", &st) == 0);
  IN_CHILD execl("/bin/true", "true", NULL);
  if (child_status) escaped("nothing runs any more: %#x", child_status);
  // The end of the run has many to hold, too.
  for (int i = 0; i < 300; i++)
    if (fork() == 0) {
      stat("data/hello.txt", &st);
      usleep(200000);
      _exit(0);
    }
  return verdict();
}
