// options: --process-numbers --time advancing --seed 1
// alone: uses up process numbers
// Fills what the supervisor keeps for each process, thread, timer, number and stream: thousands that ask for all of them and end, and timers,
// groups and sessions that outlive their makers. Others must be answered all the same, and no number may become somebody else's.
#include "attack.h"
#include <sys/timerfd.h>

static void ask_for_all(void) {
  char byte[8];
  struct timespec time;
  getpid(), getppid(), gettid(), clock_gettime(CLOCK_MONOTONIC, &time);
  syscall(SYS_getrandom, byte, sizeof byte, 0);
  alarm(1000);
}

static void *ask_in_thread(void *argument) {
  ask_for_all();
  return argument;
}

int main(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  // One process with all timers that it gets.
  IN_CHILD {
    timer_t timer;
    for (int i = 0; i < 20000; i++) {
      if (timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_NONE}, &timer)) break;
      timer_settime(timer, 0, &(struct itimerspec){{2, 0}, {0, 1}}, NULL);
    }
    for (int i = 0; i < 20000; i++) {
      int fd = timerfd_create(CLOCK_MONOTONIC, 0);
      if (fd < 0) break;
      timerfd_settime(fd, 0, &(struct itimerspec){{1, 0}, {0, 1}}, NULL);
    }
    for (int i = 0; i < 2000; i++) ask_for_all();
    // Numbers that no timer has.
    for (unsigned i = 0; i < 5000; i++) syscall(SYS_timer_settime, i * 2654435761u, 0, &(struct itimerspec){{1, 0}, {1, 0}}, NULL);
    for (unsigned i = 0; i < 5000; i++) syscall(SYS_timerfd_settime, i * 2654435761u, 0, &(struct itimerspec){{1, 0}, {1, 0}}, NULL);
  }
  if (child_status) escaped("timers: %#x", child_status);
  // Threads that ask and end.
  for (int i = 0; i < 100; i++) {
    pthread_t threads[20];
    int made = 0;
    while (made < 20 && !pthread_create(&threads[made], NULL, ask_in_thread, NULL)) made++;
    while (made) pthread_join(threads[--made], NULL);
  }
  // Leaders of groups and sessions that end before those who are in them, and whose number is asked for then.
  int pipes[2];
  NEEDS(pipe(pipes) == 0);
  int last = 0;
  for (int i = 0; i < 1500; i++) {
    pid_t child = fork();
    if (child < 0) break;
    if (!child) {
      setsid();
      int own = getpid();
      if (i % 50 == 0 && !fork()) {
        usleep(20000);
        if (getsid(0) == own) NEEDS(getpgrp() == own);
        _exit(0);
      }
      ask_for_all();
      NEEDS(write(pipes[1], &own, sizeof own) == sizeof own);
      _exit(0);
    }
    int own;
    NEEDS(read(pipes[0], &own, sizeof own) == sizeof own);
    if (own == last) escaped("two have the number %d", own);
    last = own;
    NEEDS(waitpid(child, NULL, 0) == child);
    if (i % 50 && kill(own, 0) == 0) escaped("%d is somebody else now", own);
  }
  IN_CHILD execl("/bin/true", "true", NULL);
  if (child_status) escaped("nothing runs any more: %#x", child_status);
  return verdict();
}
