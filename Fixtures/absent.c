// Calls that uwrx answers like an older kernel, so that every program falls back: all of it is intended difference.
// What matters is that the process lives on and that the fallback works.
// calls: clone3 io_uring_enter io_uring_register io_uring_setup
#include "observe.h"
#include <linux/sched.h>

int main(void) {
  struct clone_args arguments = {.exit_signal = SIGCHLD};
  pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) _exit(0);
  say("clone3: %s", pid < 0 ? error_name(errno) : "a child");
  if (pid > 0) waitpid(pid, NULL, 0);
  char parameters[120] = "";
  long ring = syscall(SYS_io_uring_setup, 4, parameters);
  say("io_uring_setup: %s", ring < 0 ? error_name(errno) : "a ring");
  SHOW(syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0));
  SHOW(syscall(SYS_io_uring_register, -1, 99, NULL, 0));
  IN_CHILD say("fork works");
  SHOW(syscall(9999));
  SHOW(syscall(-1));
}
