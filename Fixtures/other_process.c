// What is asked and set of another process, by the number that fork has returned and by that which it knows itself by: while it lives, when it
// waits to be reaped, and when it is gone.
// calls: ioprio_get ioprio_set sched_getattr sched_getparam sched_rr_get_interval sched_setattr sched_setparam sched_setscheduler
#include "observe.h"
#include <linux/ioprio.h>
#include <sched.h>

// linux/sched/types.h cannot be included beside libc's sched.h.
struct sched_attr {
  uint32_t size, sched_policy;
  uint64_t sched_flags;
  int32_t sched_nice;
  uint32_t sched_priority;
  uint64_t sched_runtime, sched_deadline, sched_period;
  uint32_t sched_util_min, sched_util_max;
};

static unsigned char all[1024];
// Nobody need be privileged to become nicer.
static int niceness;

static void set(pid_t pid, bool hasMemory) {
  struct sched_param parameter = {0};
  struct sched_attr attributes = {.size = sizeof attributes, .sched_policy = SCHED_BATCH, .sched_nice = ++niceness};
  SHOW(sched_setscheduler(pid, SCHED_BATCH, &parameter));
  SHOW(sched_setscheduler(pid, SCHED_FIFO, &parameter));
  SHOW(sched_setparam(pid, &parameter));
  SHOW(syscall(SYS_sched_setattr, pid, &attributes, 0));
  SHOW(syscall(SYS_sched_setattr, pid, NULL, 0));
  SHOW(setpriority(PRIO_PROCESS, (id_t)pid, ++niceness));
  SHOW(setpriority(PRIO_PGRP, (id_t)pid, ++niceness));
  SHOW(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6)));
  SHOW(syscall(SYS_ioprio_set, IOPRIO_WHO_PGRP, pid, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7)));
  SHOW(syscall(SYS_sched_setaffinity, pid, sizeof all, all));
  SHOW(syscall(SYS_sched_setaffinity, pid, sizeof all, bad_pointer()));
  if (!hasMemory) return;
  struct rlimit limit = {10, 20}, old = {0};
  SHOW(prlimit(pid, RLIMIT_NOFILE, &limit, NULL));
  SHOW(prlimit(pid, RLIMIT_NOFILE, &limit, &old));
  say("was %ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
  limit.rlim_max = 21;
  SHOW(prlimit(pid, 99, &limit, NULL));
  SHOW(prlimit(pid, RLIMIT_NOFILE, NULL, &limit));
  say("limit %ld %ld", (long)limit.rlim_cur, (long)limit.rlim_max);
}

static void ask(pid_t pid) {
  struct sched_param parameter = {.sched_priority = 77};
  struct sched_attr attributes = {0};
  struct timespec slice;
  unsigned char mask[1024] = {0};
  SHOW(sched_getscheduler(pid));
  SHOW(sched_getparam(pid, &parameter));
  say("priority %d", parameter.sched_priority);
  SHOW(syscall(SYS_sched_getattr, pid, &attributes, sizeof attributes, 0));
  say("policy %u nice %d", attributes.sched_policy, attributes.sched_nice);
  SHOW(sched_rr_get_interval(pid, &slice));
  SHOW(syscall(SYS_getpriority, PRIO_PROCESS, pid));
  SHOW(syscall(SYS_getpriority, PRIO_PGRP, pid));
  SHOW(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, pid));
  SHOW(syscall(SYS_ioprio_get, IOPRIO_WHO_PGRP, pid));
  CHECK(syscall(SYS_sched_getaffinity, pid, sizeof mask, mask));
  say("all processors %d", memcmp(mask, all, sizeof all) == 0);
}

static void both(const char *when, pid_t pid, bool hasMemory) {
  say("-- %s", when);
  set(pid, hasMemory), ask(pid);
}

// A child that leads a group of its own, tells its number and waits for the end of `go`.
static pid_t make_child(pid_t *itself, int go[2]) {
  int told[2];
  QUIET(pipe(told)), QUIET(pipe(go));
  pid_t pid = fork();
  if (pid == 0) {
    close(go[1]);
    QUIET(setpgid(0, 0));
    pid_t own = getpid();
    QUIET(write(told[1], &own, sizeof own));
    char byte;
    QUIET(read(go[0], &byte, 1));
    _exit(0);
  }
  QUIET(read(told[0], itself, sizeof *itself));
  close(told[0]), close(told[1]), close(go[0]);
  return pid;
}

static void life(bool by_its_own) {
  say("---- by the number %s", by_its_own ? "of its own" : "that fork has returned");
  niceness = 0;
  pid_t itself;
  int go[2];
  pid_t pid = make_child(&itself, go), number = by_its_own ? itself : pid;
  both("alive", number, true);
  close(go[1]);
  siginfo_t told;
  QUIET(waitid(P_PID, (id_t)pid, &told, WEXITED | WNOWAIT));
  both("waits to be reaped", number, false);
  wait_for("child", pid);
  both("gone", number, true);
}

int main(void) {
  QUIET(syscall(SYS_sched_getaffinity, 0, sizeof all, all));
  life(false), life(true);
}
