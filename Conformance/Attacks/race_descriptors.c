// Another thread puts the user's standard input behind the descriptor of a file of the run's own, between two looks at it.
// natively: escapes
#include "attack.h"
#include <sys/xattr.h>

static int raced;

static void *swap(void *argument) {
  int *fds = argument;
  // The wait moves the moment over the whole of the supervisor's work.
  for (unsigned i = 0; !fds[2]; i++) {
    dup2(fds[0], raced);
    for (volatile unsigned wait = i % 4000; wait; wait--) {
    }
    dup2(0, raced);
    for (volatile unsigned wait = i % 400; wait; wait--) {
    }
  }
  return NULL;
}

int main(void) {
  struct stat before, after;
  NEEDS(fstat(0, &before) == 0);
  // With a name, without one, that never had one, and that is in no tree at all.
  int files[] = {open("named", O_CREAT | O_RDWR, 0644), open("nameless", O_CREAT | O_RDWR, 0644), open("/tmp", O_TMPFILE | O_RDWR, 0644),
                 memfd_create("memory", 0), open("/tmp/nameless", O_CREAT | O_RDWR, 0644), open(".", O_TMPFILE | O_RDWR, 0644)};
  unlink("nameless");
  unlink("/tmp/nameless");
  raced = dup(files[0]);
  struct timespec times[2] = {{12345, 0}, {54321, 0}};
  for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
    NEEDS(files[i] >= 0);
    int fds[3] = {files[i], 0, 0};
    pthread_t thread;
    NEEDS(pthread_create(&thread, NULL, swap, fds) == 0);
    unsigned turn = 0;
    for (double end = now() + patience(); now() < end;) {
      fchmod(raced, 0777);
      futimens(raced, times);
      fsetxattr(raced, "user.attack", "x", 1, 0);
      fremovexattr(raced, "user.attack");
      fchown(raced, getuid(), getgid());
      char path[64];
      snprintf(path, sizeof path, "linked%u", turn++ % 16);
      linkat(raced, "", AT_FDCWD, path, AT_EMPTY_PATH);
      unlink(path);
      snprintf(path, sizeof path, "/proc/self/fd/%d", raced);
      int fd = open(path, O_RDWR | O_APPEND);
      struct stat now_open;
      if (fd >= 0 && fstat(fd, &now_open) == 0 && now_open.st_size == 6 && write(fd, "x", 1) == 1) escaped("the standard input is open for writing");
      close(fd);
      fd = open(path, O_WRONLY | O_TRUNC);
      close(fd);
      truncate(path, 0);
    }
    fds[2] = 1;
    pthread_join(thread, NULL);
  }
  // What the guest sees of it may be its own affair; what the driver sees is not.
  NEEDS(fstat(0, &after) == 0);
  return verdict();
}
