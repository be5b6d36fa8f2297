// Makes the kernel write core files, or start the host's program for them: there must be none, whatever the limits are set to.
#include "attack.h"

static void crash(const char *how) {
  IN_CHILD {
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    abort();
  }
  if (WCOREDUMP(child_status)) escaped("a core file after %s", how);
  if (access("core", F_OK) == 0) escaped("a file named core after %s", how);
}

int main(void) {
  struct rlimit limit, all = {RLIM_INFINITY, RLIM_INFINITY}, none = {0, 0}, low = {0, 1};
  NEEDS(getrlimit(RLIMIT_CORE, &limit) == 0);
  // At 0 the kernel starts a program all the same (core(5)), and a hard limit that was 0 before uwrx began cannot be raised.
  rlim_t born = limit.rlim_cur;
  if (born != 1 && limit.rlim_max != 0) escaped("the limit is %ju", (uintmax_t)born);
  crash("nothing");
  struct rlimit *given[] = {&all, &none, &low};
  for (int i = 0; i < 3; i++) {
    setrlimit(RLIMIT_CORE, given[i]);
    syscall(SYS_prlimit64, 0, RLIMIT_CORE, given[i], NULL);
    syscall(SYS_prlimit64, getpid(), RLIMIT_CORE, given[i], NULL);
    syscall(SYS_setrlimit, RLIMIT_CORE | 1ULL << 32, given[i]);
    NEEDS(getrlimit(RLIMIT_CORE, &limit) == 0);
    if (limit.rlim_cur != born) escaped("the limit of core files became %ju", (uintmax_t)limit.rlim_cur);
    crash("a limit");
  }
  return verdict();
}
