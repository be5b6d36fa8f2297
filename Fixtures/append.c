// O_APPEND: two writers, a child, and positions.
// calls: lseek openat pwrite64 write writev
#include "observe.h"
#include <sys/uio.h>

int main(void) {
  char text[16];
  int first = SHOW(open("log", O_WRONLY | O_CREAT | O_APPEND, 0644));
  int second = SHOW(open("log", O_RDWR | O_APPEND));
  SHOW(write(first, "one ", 4));
  SHOW(write(second, "two ", 4));
  SHOW(write(first, "three ", 6));
  SHOW(lseek(first, 0, SEEK_CUR));
  SHOW(lseek(second, 0, SEEK_CUR));
  SHOW(lseek(second, 0, SEEK_SET));
  SHOW(read(second, text, 3));
  SHOW(write(second, "four ", 5));
  SHOW(pwrite(second, "five ", 5, 0));
  show_file("log");
  struct iovec parts[2] = {{"six ", 4}, {"seven ", 6}};
  SHOW(writev(first, parts, 2));
  SHOW(fcntl(second, F_SETFL, 0));
  SHOW(pwrite(second, "ONE", 3, 0));
  SHOW(fcntl(second, F_GETFL) & O_APPEND);
  show_file("log");

  say("-- a lower file");
  int lower = SHOW(open("data/hello.txt", O_WRONLY | O_APPEND));
  int other = SHOW(open("data/hello.txt", O_WRONLY | O_APPEND));
  SHOW(write(lower, "more\n", 5));
  SHOW(write(other, "and more\n", 9));
  SHOW(write(lower, "end\n", 4));
  show_file("data/hello.txt");

  say("-- many processes");
  int shared = SHOW(open("shared", O_WRONLY | O_CREAT | O_APPEND, 0644));
  pid_t children[4];
  for (int i = 0; i < 4; i++) {
    children[i] = fork();
    if (children[i] == 0) {
      int own = i % 2 ? shared : open("shared", O_WRONLY | O_APPEND);
      char line[16];
      for (int n = 0; n < 250; n++) {
        snprintf(line, sizeof line, "%d:%04d\n", i, n);
        if (write(own, line, 7) != 7) _exit(1);
      }
      _exit(0);
    }
  }
  for (int i = 0; i < 4; i++) wait_for("writer", children[i]);
  show_fstat("shared", shared);
  FILE *file = fopen("shared", "r");
  char line[64];
  int next[4] = {0}, bad = 0;
  while (fgets(line, sizeof line, file)) {
    int who, n;
    if (strlen(line) != 7 || sscanf(line, "%d:%d", &who, &n) != 2 || who < 0 || who > 3 || next[who]++ != n) bad++;
  }
  say("lines %d %d %d %d, bad %d", next[0], next[1], next[2], next[3], bad);

  say("-- a shared position without O_APPEND");
  int plain = SHOW(open("plain", O_WRONLY | O_CREAT, 0644));
  QUIET(write(plain, "parent ", 7));
  IN_CHILD {
    QUIET(write(plain, "child ", 6));
  }
  QUIET(write(plain, "parent", 6));
  show_file("plain");
}
