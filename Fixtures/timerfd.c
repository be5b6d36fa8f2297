// timerfd, setitimer, alarm, POSIX timers: whether they fire, not when.
// calls: alarm getitimer pause rt_sigsuspend setitimer timer_create timer_delete timer_getoverrun timer_gettime
// calls: timer_settime timerfd_create timerfd_gettime timerfd_settime
#include "observe.h"
#include <poll.h>
#include <sys/time.h>
#include <sys/timerfd.h>

static volatile sig_atomic_t fired;
static void handler(int number) { fired += number == SIGALRM; }

int main(void) {
  uint64_t count;
  int fd = SHOW(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  SHOW(read(fd, &count, 8));
  struct itimerspec once = {.it_value = {0, 10000000}}, old;
  SHOW(timerfd_settime(fd, 0, &once, &old));
  say("old %ld %ld", (long)old.it_value.tv_sec, old.it_value.tv_nsec);
  struct pollfd poller = {fd, POLLIN, 0};
  SHOW(poll(&poller, 1, 5000));
  SHOW(read(fd, &count, 8));
  say("count %llu", (unsigned long long)count);
  SHOW(read(fd, &count, 8));
  struct itimerspec repeated = {{0, 2000000}, {0, 1}};
  SHOW(timerfd_settime(fd, 0, &repeated, NULL));
  pause_ms(20);
  SHOW(read(fd, &count, 8));
  say("several %d", count >= 2);
  SHOW(timerfd_gettime(fd, &old));
  say("interval %ld", old.it_interval.tv_nsec);
  struct timespec past;
  clock_gettime(CLOCK_MONOTONIC, &past);
  struct itimerspec absolute = {.it_value = past};
  SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &absolute, NULL));
  SHOW(poll(&poller, 1, 5000));
  SHOW(timerfd_settime(fd, 0, &(struct itimerspec){0}, NULL));
  SHOW(read(fd, &count, 8));
  int real = SHOW(timerfd_create(CLOCK_REALTIME, 0));
  SHOW(timerfd_settime(real, 0, &once, NULL));
  SHOW(read(real, &count, 8));

  say("-- refusals");
  SHOW(timerfd_create(99, 0));
  SHOW(timerfd_create(CLOCK_MONOTONIC, 0x1234));
  SHOW(timerfd_settime(fd, 0, &(struct itimerspec){.it_value = {0, 1000000000}}, NULL));
  SHOW(timerfd_settime(fd, 99, &once, NULL));
  SHOW(timerfd_settime(99, 0, &once, NULL));
  SHOW(timerfd_settime(STDIN_FILENO, 0, &once, NULL));
  SHOW(timerfd_gettime(fd, bad_pointer()));
  SHOW(read(fd, &count, 4));

  say("-- setitimer, alarm");
  signal(SIGALRM, handler);
  struct itimerval quick = {{0, 0}, {0, 5000}}, before;
  SHOW(setitimer(ITIMER_REAL, &quick, NULL));
  SHOW(pause());
  say("fired %d", fired);
  SHOW(alarm(100));
  SHOW(alarm(0));
  SHOW(getitimer(ITIMER_REAL, &before));
  say("left %ld", (long)before.it_value.tv_sec);
  SHOW(setitimer(99, &quick, NULL));
  SHOW(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 1000000}}, NULL));

  say("-- timer_create");
  timer_t timer;
  SHOW(timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM}, &timer));
  fired = 0;
  sigset_t block, none;
  sigemptyset(&none);
  sigemptyset(&block);
  sigaddset(&block, SIGALRM);
  sigprocmask(SIG_BLOCK, &block, NULL);
  SHOW(timer_settime(timer, 0, &once, NULL));
  SHOW(sigsuspend(&none));
  say("fired %d", fired);
  SHOW(timer_getoverrun(timer));
  SHOW(timer_gettime(timer, &old));
  SHOW(timer_delete(timer));
  SHOW(syscall(SYS_timer_delete, 9999));
  SHOW(timer_create(99, NULL, &timer));
  IN_CHILD {
    alarm(1);
    sigprocmask(SIG_UNBLOCK, &block, NULL);
    signal(SIGALRM, SIG_DFL);
    execl("/bin/sleep", "sleep", "5", NULL);
  }
}
