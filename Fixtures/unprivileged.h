// For calls that would change the machine: they are only made by who may not do it.
#ifndef UNPRIVILEGED_H
#define UNPRIVILEGED_H

#include "observe.h"
#include <grp.h>
#include <linux/capability.h>

// Gives up root and every capability. Natively the machine is real, so whether they are gone is asked before anything else
// is done.
__attribute__((unused)) static void drop_privilege(void) {
  if (geteuid() == 0) {
    QUIET(setgroups(0, NULL));
    QUIET(setresgid(1000, 1000, 1000));
    QUIET(setresuid(1000, 1000, 1000));
  }
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0}};
  if (syscall(SYS_capget, &header, data) < 0 || data[0].effective || data[1].effective || data[0].permitted ||
      data[1].permitted) {
    say("still privileged");
    _exit(98);
  }
}

#endif
