// Starves guest init, which has the guest's own user: its limits, its processors, its priority, its queue of signals.
#include "attack.h"
#include <sched.h>

int main(void) {
  // The descriptors that it opens for each bind, the time that it may take, the files that it may write.
  static const int resources[] = {RLIMIT_NOFILE, RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_SIGPENDING, RLIMIT_NPROC};
  for (unsigned i = 0; i < sizeof resources / sizeof *resources; i++) {
    struct rlimit old, none = {0, 0};
    if (prlimit(1, resources[i], NULL, &old)) continue;
    if (prlimit(1, resources[i], &none, NULL) == 0) escaped("guest init's limit %d is ours to set", resources[i]);
  }
  if (sched_setscheduler(1, SCHED_IDLE, &(struct sched_param){0}) == 0) escaped("guest init's scheduler is ours to set");
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  if (sched_setaffinity(1, sizeof one, &one) == 0) escaped("guest init's processors are ours to set");
  if (setpriority(PRIO_PROCESS, 1, 19) == 0) escaped("guest init's priority is ours to set");
  setpriority(PRIO_USER, getuid(), 0);
  for (int i = 0; i < 100000; i++) {
    siginfo_t info = {.si_code = SI_QUEUE};
    if (syscall(SYS_rt_sigqueueinfo, 1, SIGRTMIN + i % 20, &info)) break;
  }
  double start = now();
  IN_CHILD execl("/bin/date", "date", "-u", NULL);
  if (child_status != 0) escaped("guest init does not bind any more: %#x", child_status);
  if (now() - start > 5) escaped("guest init needs %.1f s", now() - start);
  return verdict();
}
