// Programs that have no path: in a memfd, and in a file that was removed.
// calls: execve execveat memfd_create
#include "observe.h"

#define ARGV(...) ((char *const[]){__VA_ARGS__, NULL})

static void copy_of_echo(int to) {
  char block[65536];
  int in = QUIET(open("/bin/echo", O_RDONLY | O_CLOEXEC));
  for (ssize_t n; (n = read(in, block, sizeof block)) > 0;) QUIET(write(to, block, n));
  close(in);
}

int main(void) {
  char *const none[] = {NULL};
  int script = SHOW(memfd_create("script", 0));
  SHOW(write(script, "#!/bin/sh\necho from memory $1\n", 30));
  IN_CHILD SHOW(fexecve(script, ARGV("x", "one"), none));
  int program = SHOW(memfd_create("echo", MFD_CLOEXEC));
  copy_of_echo(program);
  IN_CHILD SHOW(fexecve(program, ARGV("echo", "copied"), none));
  IN_CHILD SHOW(execve("/proc/self/fd/4", ARGV("echo", "by its link"), none));
  SHOW(fchmod(program, 0600));
  IN_CHILD SHOW(fexecve(program, ARGV("echo", "copied"), none));

  int file = SHOW(open("program", O_RDWR | O_CREAT, 0755));
  copy_of_echo(file);
  close(file);
  int reader = SHOW(open("program", O_RDONLY | O_CLOEXEC));
  SHOW(unlink("program"));
  IN_CHILD SHOW(fexecve(reader, ARGV("echo", "removed"), none));
}
