// The last close of a file is over when close(2) returns: a lock is free, the event is there, a program is not busy any more.
// calls: close
#include "observe.h"
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/wait.h>

enum { TIMES = 100 };

static void locked(const char *name, int flags) {
  int other = open("closed", O_RDWR), held = 0;
  for (int i = 0; i < TIMES; i++) {
    int file = open("closed", flags, 0600);
    flock(file, LOCK_EX);
    close(file);
    if (flock(other, LOCK_EX | LOCK_NB)) held++;
    flock(other, LOCK_UN);
  }
  say("flock of %s was held after its close: %d", name, held);
  struct flock whole = {.l_type = F_WRLCK};
  held = 0;
  for (int i = 0; i < TIMES; i++) {
    int file = open("closed", O_RDWR);
    fcntl(file, F_OFD_SETLK, &whole);
    close(file);
    if (fcntl(other, F_OFD_SETLK, &whole)) held++;
    struct flock none = {.l_type = F_UNLCK};
    fcntl(other, F_OFD_SETLK, &none);
  }
  say("lock of a description was held after its close: %d", held);
  close(other);
}

int main(void) {
  close(open("closed", O_CREAT | O_RDWR, 0600));
  locked("a writer", O_RDWR);
  locked("a reader", O_RDONLY);
  locked("one that may create", O_RDWR | O_CREAT);

  int watch = inotify_init1(IN_NONBLOCK), missing = 0;
  inotify_add_watch(watch, "closed", IN_CLOSE_WRITE);
  char events[4096];
  for (int i = 0; i < TIMES; i++) {
    close(open("closed", O_RDWR));
    if (read(watch, events, sizeof events) <= 0) missing++;
  }
  say("no event of a close: %d", missing);

  int failed = 0;
  for (int i = 0; i < TIMES / 5; i++) {
    int file = open("script", O_CREAT | O_WRONLY | O_TRUNC, 0755);
    if (write(file, "#!/bin/true\n", 12) != 12) failed++;
    close(file);
    pid_t child = vfork();
    if (child == 0) {
      execl("./script", "script", NULL);
      _exit(1);
    }
    int status;
    waitpid(child, &status, 0);
    if (status) failed++;
  }
  say("programs that could not be run after their writer's close: %d", failed);

  mkfifo("fifo", 0600);
  int reader = open("fifo", O_RDONLY | O_NONBLOCK), open_still = 0;
  for (int i = 0; i < TIMES; i++) {
    close(open("fifo", O_WRONLY));
    if (read(reader, events, 1)) open_still++;
  }
  say("a FIFO without its end after its writer's close: %d", open_still);
}
