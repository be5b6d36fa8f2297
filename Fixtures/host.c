// Calls that would change the machine, made by who may not: the refusal comes before anything is looked at or done.
// Every argument is invalid as well.
// calls: acct bpf clock_adjtime clock_settime delete_module finit_module init_module kexec_file_load kexec_load
// calls: reboot setdomainname sethostname settimeofday swapoff swapon syslog vhangup
#include "unprivileged.h"
#include <sys/time.h>
#include <sys/timex.h>

int main(void) {
  drop_privilege();
  SHOW(syscall(SYS_sethostname, "name", -1));
  SHOW(syscall(SYS_setdomainname, "name", -1));
  SHOW(syscall(SYS_swapon, "missing", 0));
  SHOW(syscall(SYS_swapoff, "missing"));
  SHOW(syscall(SYS_reboot, 0, 0, 0, NULL));
  SHOW(syscall(SYS_kexec_load, 0, 99, NULL, 0));
  SHOW(syscall(SYS_kexec_file_load, -1, -1, 0, NULL, 0xffff));
  SHOW(syscall(SYS_init_module, bad_pointer(), 0, ""));
  SHOW(syscall(SYS_finit_module, -1, "", 0));
  SHOW(syscall(SYS_delete_module, "missing", O_NONBLOCK));
  SHOW(syscall(SYS_acct, "missing"));
  SHOW(syscall(SYS_vhangup));
  SHOW(syscall(SYS_syslog, 0, NULL, 0));
  SHOW(syscall(SYS_syslog, 99, NULL, 0));
  SHOW(syscall(SYS_bpf, 5, bad_pointer(), 0));
  char attributes[128] = "";
  SHOW(syscall(SYS_bpf, 5, attributes, sizeof attributes));

  // These two look at the time before the privilege: it is what the clock says.
  struct timeval now;
  struct timespec exact;
  gettimeofday(&now, NULL);
  clock_gettime(CLOCK_REALTIME, &exact);
  SHOW(syscall(SYS_settimeofday, &now, NULL));
  SHOW(syscall(SYS_clock_settime, CLOCK_REALTIME, &exact));
  struct timex change = {.modes = ADJ_TICK, .tick = 1};
  SHOW(syscall(SYS_adjtimex, &change));
  SHOW(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &change));
}
