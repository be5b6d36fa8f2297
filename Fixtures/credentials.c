// Who we are, and changes of identity that need no privilege because they change nothing.
// calls: getegid geteuid getgid getgroups getpriority getresgid getresuid getuid setfsgid setfsuid setgid setpriority
// calls: setregid setresgid setresuid setreuid setuid uname
#include "observe.h"
#include <grp.h>
#include <sys/fsuid.h>

int main(void) {
  uid_t r, e, s;
  gid_t rg, eg, sg, groups[64];
  SHOW(getresuid(&r, &e, &s));
  say("uids %d %d %d, plain %d %d", r, e, s, getuid(), geteuid());
  SHOW(getresgid(&rg, &eg, &sg));
  say("gids %d %d %d, plain %d %d", rg, eg, sg, getgid(), getegid());
  int n = getgroups(64, groups);
  say("groups %d", n);
  for (int i = 0; i < n; i++) say("  %d", groups[i]);
  SHOW(getgroups(0, NULL) == n);
  SHOW(syscall(SYS_getgroups, -1, groups));
  SHOW(syscall(SYS_getresuid, bad_pointer(), &e, &s));
  SHOW(setuid(r));
  SHOW(seteuid(e));
  SHOW(setreuid(r, e));
  SHOW(setregid(-1, getegid()));
  SHOW(setresuid(-1, -1, -1));
  SHOW(setresuid(r, e, s));
  SHOW(setgid(rg));
  SHOW(setresgid(-1, eg, -1));
  SHOW(syscall(SYS_setuid, -1));
  SHOW(syscall(SYS_setgid, -1));
  SHOW(setfsuid(-1));
  SHOW(setfsgid(-1));
  IN_CHILD execl("/usr/bin/id", "id", "-u", NULL);
  IN_CHILD execl("/bin/sh", "sh", "-c", "test -r data/secret && echo readable; test -w data/readonly && echo writable; id -g", NULL);

  say("-- host and kernel");
  char name[256];
  SHOW(gethostname(name, sizeof name));
  SHOW(syscall(SYS_uname, bad_pointer()));
  SHOW(getpriority(PRIO_PROCESS, 0));
  // Only lower than it is: root natively may go the other way.
  int lower = getpriority(PRIO_PROCESS, 0) + 5;
  SHOW(setpriority(PRIO_PROCESS, 0, lower));
  SHOW(getpriority(PRIO_PROCESS, 0));
  SHOW(nice(1));
  SHOW(getpriority(99, 0));
  SHOW(getpriority(PRIO_PROCESS, 1 << 28));
}
