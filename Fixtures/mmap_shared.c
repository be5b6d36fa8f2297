// A file that two processes have mapped, made by the run or copied up by it: stores are seen by all, and by read(2).
// calls: ftruncate mmap munmap
#include "observe.h"

static char *map(int fd, size_t length, int protection) {
  char *address = mmap(NULL, length, protection, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) say("mmap: %s", error_name(errno));
  return address;
}

// Turns between parent and child.
static int turns[2][2];
static void pass(int to) {
  if (write(turns[to][1], "x", 1) != 1) _exit(1);
}
static void take(int own) {
  char byte;
  if (read(turns[own][0], &byte, 1) != 1) _exit(1);
}

static void share(const char *path) {
  say("-- %s", path);
  char text[16];
  int fd = SHOW(open(path, O_RDWR));
  SHOW(ftruncate(fd, 8192));
  char *own = map(fd, 8192, PROT_READ | PROT_WRITE);
  memcpy(own, "parent", 6);
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    take(1);
    int mine = open(path, O_RDWR);
    char *view = map(mine, 8192, PROT_READ | PROT_WRITE);
    say("the child sees %s, by inheritance %s", quote(view, 6), quote(own, 6));
    memcpy(view + 4096, "child", 5);
    pass(0);
    take(1);
    say("after a write: %s", quote(view + 10, 7));
    if (ftruncate(mine, 4096) < 0) say("ftruncate: %s", error_name(errno));
    pass(0);
    take(1);
    say("after the rename: %s", quote(view, 6));
    memcpy(view, "CHILD!", 6);
    pass(0);
    _exit(0);
  }
  pass(1);
  take(0);
  say("the parent sees %s", quote(own + 4096, 5));
  SHOW(pread(fd, text, 5, 4096));
  say("read: %s", quote(text, 5));
  SHOW(pwrite(fd, "written", 7, 10));
  say("mapped: %s", quote(own + 10, 7));
  pass(1);
  take(0);
  show_fstat("truncated", fd);
  IN_CHILD {
    volatile char *beyond = own + 4096;
    signal(SIGBUS, SIG_DFL);
    say("%d", *beyond);
  }
  SHOW(rename(path, "elsewhere"));
  memcpy(own, "moved!", 6);
  pass(1);
  take(0);
  wait_for("the other", child);
  say("at last %s", quote(own, 6));
  SHOW(unlink("elsewhere"));
  memcpy(own, "nobody", 6);
  SHOW(pread(fd, text, 6, 0));
  say("removed: %s", quote(text, 6));
  SHOW(munmap(own, 8192));
  SHOW(close(fd));
}

int main(void) {
  QUIET(pipe(turns[0]));
  QUIET(pipe(turns[1]));
  put_file("own", "text of the run's own");
  share("own");
  share("data/hello.txt");
  share("data/numbers.txt");
  show_stat("data/hard2");
  share("data/hard1");
  show_stat("data/hard2");
  show_file("data/hard2");
}
