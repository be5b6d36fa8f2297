// A daemon: double fork, a session of its own, and it outlives the command.
// calls: clone getppid getsid setsid
#include "observe.h"

int main(void) {
  int report[2];
  QUIET(pipe(report));
  pid_t top = getpid();
  pid_t first = fork();
  if (first == 0) {
    setsid();
    pid_t daemon = fork();
    if (daemon > 0) _exit(0);
    signal(SIGHUP, SIG_IGN);
    while (kill(getppid(), 0) == 0 && getsid(getppid()) == getsid(0)) pause_ms(1);
    char text[128];
    struct stat st;
    snprintf(text, sizeof text, "session left %d, leads no session %d, parent is not the top %d, sees files %d",
             getsid(0) != getsid(top), getsid(0) != getpid(), getppid() != top, stat("data/hello.txt", &st) == 0);
    put_file("pid-file", "written by the daemon");
    QUIET(chdir("/"));
    QUIET(write(report[1], text, strlen(text)));
    close(report[1]);
    // The rest comes after the command has ended: the run must wait for it, and its output must not be lost.
    pause_ms(300);
    say("daemon: the command has ended %d", kill(top, 0) < 0 || getppid() != top);
    _exit(5);
  }
  wait_for("first child", first);
  close(report[1]);
  char text[256];
  ssize_t n = 0, more;
  while ((more = read(report[0], text + n, sizeof text - n)) > 0) n += more;
  say("daemon: %s", quote(text, n));
  show_file("pid-file");
  SHOW(waitpid(-1, NULL, 0));
  say("the command ends");
  return 3;
}
