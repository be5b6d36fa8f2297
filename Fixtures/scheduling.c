// Policies and priorities of the caller and its children, by who may only lower itself.
// calls: getpriority ioprio_get ioprio_set sched_get_priority_max sched_get_priority_min sched_getattr sched_getparam
// calls: sched_getscheduler sched_rr_get_interval sched_setattr sched_setparam sched_setscheduler sched_yield setpriority
#include "unprivileged.h"
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

static void policies(void) {
  int names[] = {SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE, 6, 99};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    int policy = names[i];
    say("policy %d", policy);
    SHOW(sched_get_priority_max(policy));
    SHOW(sched_get_priority_min(policy));
  }
  struct sched_param parameter = {0};
  SHOW(sched_getscheduler(0));
  SHOW(sched_getparam(0, &parameter));
  say("priority %d", parameter.sched_priority);
  SHOW(sched_setscheduler(0, SCHED_BATCH, &parameter));
  SHOW(sched_getscheduler(0));
  SHOW(sched_setparam(0, &parameter));
  parameter.sched_priority = 1;
  SHOW(sched_setparam(0, &parameter));
  SHOW(sched_setscheduler(0, 99, &parameter));
  SHOW(sched_setscheduler(0, SCHED_FIFO, &parameter));
  parameter.sched_priority = 0;
  SHOW(sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &parameter));
  SHOW(sched_getscheduler(0));
  IN_CHILD SHOW(sched_getscheduler(0));
  IN_CHILD {
    SHOW(sched_setscheduler(0, SCHED_IDLE, &parameter));
    SHOW(sched_getscheduler(0));
  }
  SHOW(sched_setscheduler(0, SCHED_OTHER, NULL));
  SHOW(sched_getparam(0, NULL));
  SHOW(syscall(SYS_sched_getparam, 0, bad_pointer()));
  SHOW(sched_getscheduler(-1));
  SHOW(sched_getscheduler(4194303));
  SHOW(sched_setparam(4194303, &parameter));
  struct timespec slice;
  CHECK(sched_rr_get_interval(0, &slice));
  SHOW(sched_rr_get_interval(-1, &slice));
  SHOW(sched_rr_get_interval(4194303, &slice));
  SHOW(sched_yield());
}

static void attributes(void) {
  struct sched_attr attributes = {0};
  SHOW(syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0));
  say("policy %u nice %d priority %u flags %llu", attributes.sched_policy, attributes.sched_nice,
      attributes.sched_priority, (unsigned long long)attributes.sched_flags);
  SHOW(syscall(SYS_sched_getattr, 0, &attributes, 10, 0));
  SHOW(syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 1));
  SHOW(syscall(SYS_sched_getattr, 4194303, &attributes, sizeof attributes, 0));
  SHOW(syscall(SYS_sched_getattr, 0, bad_pointer(), sizeof attributes, 0));
  IN_CHILD {
    struct sched_attr wanted = {.size = sizeof wanted, .sched_policy = SCHED_BATCH, .sched_nice = 3};
    SHOW(syscall(SYS_sched_setattr, 0, &wanted, 0));
    SHOW(sched_getscheduler(0));
    SHOW(getpriority(PRIO_PROCESS, 0));
    wanted.sched_policy = 99;
    SHOW(syscall(SYS_sched_setattr, 0, &wanted, 0));
    wanted.sched_policy = SCHED_OTHER;
    wanted.sched_flags = 1ULL << 40;
    SHOW(syscall(SYS_sched_setattr, 0, &wanted, 0));
    wanted.sched_flags = 0;
    SHOW(syscall(SYS_sched_setattr, 0, &wanted, 1));
    wanted.size = 4;
    SHOW(syscall(SYS_sched_setattr, 0, &wanted, 0));
    SHOW(syscall(SYS_sched_setattr, 0, bad_pointer(), 0));
    SHOW(syscall(SYS_sched_setattr, 0, NULL, 0));
  }
}

static void priorities(void) {
  SHOW(syscall(SYS_getpriority, PRIO_PROCESS, 0));
  IN_CHILD {
    SHOW(setpriority(PRIO_PROCESS, 0, 5));
    SHOW(syscall(SYS_getpriority, PRIO_PROCESS, 0));
    SHOW(nice(3));
    SHOW(setpriority(PRIO_PROCESS, 0, 100));
    SHOW(getpriority(PRIO_PROCESS, 0));
  }
  SHOW(syscall(SYS_getpriority, 9, 0));
  SHOW(syscall(SYS_getpriority, PRIO_PROCESS, 4194303));
  SHOW(syscall(SYS_getpriority, PRIO_PGRP, 4194303));
  SHOW(setpriority(9, 0, 0));
  SHOW(setpriority(PRIO_PROCESS, 4194303, 0));
  SHOW(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0));
  IN_CHILD {
    SHOW(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6)));
    SHOW(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0));
    SHOW(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)));
    SHOW(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0));
  }
  SHOW(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(7, 0)));
  SHOW(syscall(SYS_ioprio_set, 9, 0, 0));
  SHOW(syscall(SYS_ioprio_get, 9, 0));
  SHOW(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 4194303));
}

int main(void) {
  drop_privilege();
  policies();
  attributes();
  priorities();
}
