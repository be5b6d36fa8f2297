// What the kernel tells of itself and of the machine, and the execution domain of a process.
// calls: adjtimex clock_adjtime lsm_get_self_attr lsm_list_modules lsm_set_self_attr membarrier personality sysinfo
// calls: uname
#include "observe.h"
#include <linux/membarrier.h>
#include <sys/personality.h>
#include <sys/sysinfo.h>
#include <sys/timex.h>
#include <sys/utsname.h>

#define LSM_GET_SELF_ATTR 459
#define LSM_SET_SELF_ATTR 460
#define LSM_LIST_MODULES 461

static void totals(void) {
  struct sysinfo totals;
  SHOW(syscall(SYS_sysinfo, &totals));
  say("memory %d unit %u processes %d uptime %d", totals.totalram > totals.freeram, totals.mem_unit, totals.procs > 0,
      totals.uptime > 0);
  SHOW(syscall(SYS_sysinfo, bad_pointer()));
  struct utsname names;
  SHOW(syscall(SYS_uname, &names));
  say("%s %s %s", names.sysname, names.release, names.machine);
  SHOW(syscall(SYS_uname, bad_pointer()));
  struct timex clock = {0};
  CHECK(syscall(SYS_adjtimex, &clock));
  say("tick %ld", clock.tick);
  CHECK(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &clock));
  SHOW(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &clock));
  SHOW(syscall(SYS_clock_adjtime, 99, &clock));
  SHOW(syscall(SYS_adjtimex, bad_pointer()));
}

static void domain(void) {
  SHOW(personality(0xffffffff));
  SHOW(personality(ADDR_NO_RANDOMIZE));
  SHOW(personality(0xffffffff));
  IN_CHILD {
    SHOW(personality(0xffffffff));
    SHOW(personality(PER_LINUX32));
    struct utsname names;
    uname(&names);
    say("%s", names.machine);
  }
  SHOW(personality(0));
}

static void barriers(void) {
  long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
  say("membarrier: %#lx", commands);
  SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
  SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
  SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
  SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0));
  SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 1, 0));
  SHOW(syscall(SYS_membarrier, 1 << 20, 0, 0));
}

static void modules(void) {
  uint64_t ids[16];
  uint32_t size = sizeof ids;
  long count = SHOW(syscall(LSM_LIST_MODULES, ids, &size, 0));
  for (long i = 0; i < count; i++) say("  %llu", (unsigned long long)ids[i]);
  size = 0;
  SHOW(syscall(LSM_LIST_MODULES, ids, &size, 0));
  say("needs %u", size);
  SHOW(syscall(LSM_LIST_MODULES, ids, &size, 1));
  SHOW(syscall(LSM_LIST_MODULES, ids, bad_pointer(), 0));
  char context[256];
  size = sizeof context;
  SHOW(syscall(LSM_GET_SELF_ATTR, 100, context, &size, 0));
  SHOW(syscall(LSM_GET_SELF_ATTR, 0, context, &size, 0));
  SHOW(syscall(LSM_GET_SELF_ATTR, 100, context, bad_pointer(), 0));
  SHOW(syscall(LSM_GET_SELF_ATTR, 100, context, &size, 99));
  // An attribute of a module that is not there.
  struct { uint64_t id, flags, length, context_length; } wanted = {9999, 0, sizeof wanted, 0};
  SHOW(syscall(LSM_SET_SELF_ATTR, 100, &wanted, sizeof wanted, 0));
}

int main(void) {
  totals();
  domain();
  barriers();
  modules();
}
