// ETXTBSY: a program that runs is not written to, and what is open for writing does not run.
// calls: execve openat truncate
#include "observe.h"

// Copies a program, so that it can be written to.
static void copy_program(const char *path) {
  char buffer[65536];
  ssize_t n;
  int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  while ((n = read(from, buffer, sizeof buffer)) > 0)
    if (write(to, buffer, n) != n) say("cannot copy");
  close(from);
  close(to);
}

int main(int count, char **arguments) {
  if (count > 1) {
    // The child: says that it runs, and waits for the end of its input, which is a socket.
    char byte;
    say("running %s", arguments[1]);
    if (write(0, "r", 1) != 1) return 1;
    while (read(0, &byte, 1) > 0) continue;
    return 0;
  }
  copy_program("program");
  int ends[2];
  char byte;
  QUIET(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 0);
    execl("program", "program", "it", NULL);
    _exit(99);
  }
  close(ends[1]);
  QUIET(read(ends[0], &byte, 1));

  say("-- while it runs");
  SHOW(open("program", O_WRONLY));
  SHOW(open("program", O_RDWR));
  SHOW(open("program", O_WRONLY | O_TRUNC));
  SHOW(open("program", O_RDWR | O_CREAT, 0644));
  SHOW(truncate("program", 10));
  SHOW(access("program", W_OK));
  SHOW(chmod("program", 0700));
  SHOW(utimensat(AT_FDCWD, "program", NULL, 0));
  int reader = SHOW(open("program", O_RDONLY));
  SHOW(ftruncate(reader, 1));
  SHOW(link("program", "second"));
  SHOW(open("second", O_WRONLY));
  SHOW(rename("program", "renamed"));
  SHOW(open("renamed", O_WRONLY));
  SHOW(unlink("second"));
  put_file("new", "new");
  SHOW(rename("new", "renamed"));
  show_file("renamed");
  close(ends[0]);
  wait_for("it", child);

  say("-- open for writing");
  copy_program("program");
  int writer = SHOW(open("program", O_WRONLY | O_CLOEXEC));
  IN_CHILD {
    SHOW(execl("program", "program", "never", NULL));
  }
  close(writer);
  put_file("script", "#!/bin/sh\necho script\n");
  QUIET(chmod("script", 0755));
  writer = SHOW(open("script", O_WRONLY | O_CLOEXEC));
  IN_CHILD {
    SHOW(execl("script", "script", NULL));
  }
  close(writer);
  IN_CHILD {
    SHOW(execl("script", "script", NULL));
  }
  int lower = SHOW(open("data/script.sh", O_WRONLY | O_APPEND | O_CLOEXEC));
  IN_CHILD {
    SHOW(execl("data/script.sh", "data/script.sh", NULL));
  }
  close(lower);
}
