// Waits until a time of a clock, and what comes between: timers, message queues, mutexes with priority inheritance, a process that is stopped
// while it sleeps, clocks of processes by their number, timers that were closed.
// calls: clock_getres clock_gettime clock_nanosleep futex mq_timedreceive mq_timedsend timer_settime timerfd_settime
#include "deadlines.h"
#include <linux/futex.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <sys/timerfd.h>

// As far as the clock says.
static void passed(const char *what, clockid_t clock, struct timespec end) {
  struct timespec t;
  clock_gettime(clock, &t);
  long long late = ns(t) - ns(end);
  say("%s: reached %d, soon after %d", what, late >= 0, late < 3000000000LL);
}

static void nothing(int number) { (void)number; }

static void timers(clockid_t clock, const char *name) {
  say("-- timer_settime, %s", name);
  timer_t timer;
  SHOW(timer_create(clock, &(struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1}, &timer));
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR1);
  struct timespec end = in(clock, 50);
  SHOW(timer_settime(timer, TIMER_ABSTIME, &(struct itimerspec){{0, 0}, end}, NULL));
  SHOW(sigtimedwait(&set, NULL, &(struct timespec){5, 0}) == SIGUSR1);
  passed("timer", clock, end);
  SHOW(timer_settime(timer, TIMER_ABSTIME, &(struct itimerspec){{0, 0}, in(clock, -1000)}, NULL));
  SHOW(sigtimedwait(&set, NULL, &(struct timespec){5, 0}) == SIGUSR1);
  SHOW(timer_settime(timer, TIMER_ABSTIME, &(struct itimerspec){{1, 0}, in(clock, 100000)}, NULL));
  struct itimerspec left;
  SHOW(timer_gettime(timer, &left));
  say("left %d, interval %ld", left.it_value.tv_sec > 90 && left.it_value.tv_sec < 100, left.it_interval.tv_sec);
  SHOW(timer_settime(timer, TIMER_ABSTIME, &(struct itimerspec){{0, 0}, {0, 0}}, &left));
  say("was left %d", left.it_value.tv_sec > 90);
  SHOW(timer_settime(timer, TIMER_ABSTIME, &(struct itimerspec){{0, 0}, {1, 1000000000}}, NULL));
  SHOW(timer_settime(timer, TIMER_ABSTIME, &(struct itimerspec){{0, 0}, {-1, 0}}, NULL));
  SHOW(timer_delete(timer));
}

static void queues(void) {
  say("-- message queues");
  char name[32], bytes[8];
  snprintf(name, sizeof name, "/times%d", (int)getpid());
  mqd_t queue = mq_open(name, O_CREAT | O_RDWR, 0600, &(struct mq_attr){.mq_maxmsg = 1, .mq_msgsize = 8});
  mq_unlink(name);
  struct timespec end = in(CLOCK_REALTIME, 60);
  SHOW(mq_timedreceive(queue, bytes, 8, NULL, &end));
  passed("receive", CLOCK_REALTIME, end);
  SHOW(mq_timedsend(queue, "one", 4, 0, &end));
  end = in(CLOCK_REALTIME, 60);
  SHOW(mq_timedsend(queue, "two", 4, 0, &end));
  passed("send", CLOCK_REALTIME, end);
  end = in(CLOCK_REALTIME, -60);
  SHOW(mq_timedreceive(queue, bytes, 8, NULL, &end));
  SHOW(mq_timedreceive(queue, bytes, 8, NULL, &end));
  SHOW(mq_timedreceive(queue, bytes, 8, NULL, &(struct timespec){1, -1}));
  // A handler that lets it go on: the time stays the same.
  sigaction(SIGALRM, &(struct sigaction){.sa_handler = nothing, .sa_flags = SA_RESTART}, NULL);
  end = in(CLOCK_REALTIME, 200);
  ualarm(20000, 20000);
  SHOW(mq_timedreceive(queue, bytes, 8, NULL, &end));
  passed("receive with signals", CLOCK_REALTIME, end);
  sigaction(SIGALRM, &(struct sigaction){.sa_handler = nothing}, NULL);
  end = in(CLOCK_REALTIME, 5000);
  SHOW(mq_timedreceive(queue, bytes, 8, NULL, &end));
  ualarm(0, 0);
  mq_close(queue);
}

static pthread_mutex_t mutex;

static void *lock_until(void *argument) {
  (void)argument;
  struct timespec end = in(CLOCK_REALTIME, 60);
  SHOW(pthread_mutex_timedlock(&mutex, &end));
  passed("timedlock", CLOCK_REALTIME, end);
  end = in(CLOCK_MONOTONIC, 60);
  SHOW(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &end));
  passed("clocklock", CLOCK_MONOTONIC, end);
  return NULL;
}

static void mutexes(void) {
  say("-- mutexes with priority inheritance");
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  pthread_mutex_init(&mutex, &attributes);
  pthread_mutex_lock(&mutex);
  pthread_t thread;
  pthread_create(&thread, NULL, lock_until, NULL);
  pthread_join(thread, NULL);
  pthread_mutex_unlock(&mutex);
  struct timespec end = in(CLOCK_REALTIME, 60);
  SHOW(pthread_mutex_timedlock(&mutex, &end));
  pthread_mutex_unlock(&mutex);
}

static void stops(void) {
  say("-- stopped while it sleeps");
  pid_t child = fork();
  if (child == 0) {
    struct timespec end = in(CLOCK_MONOTONIC, 400);
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL));
    passed("sleep", CLOCK_MONOTONIC, end);
    _exit(0);
  }
  int status;
  for (int i = 0; i < 3; i++) {
    usleep(40000);
    QUIET(kill(child, SIGSTOP));
    waitpid(child, &status, WUNTRACED);
    say("stopped %d", WIFSTOPPED(status));
    QUIET(kill(child, SIGCONT));
  }
  waitpid(child, &status, 0);
  say("exited %d", WIFEXITED(status));
  child = fork();
  if (child == 0) {
    signal(SIGUSR1, nothing), signal(SIGUSR2, SIG_IGN);
    struct timespec end = in(CLOCK_MONOTONIC, 10000);
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL));
    _exit(0);
  }
  usleep(100000);
  QUIET(kill(child, SIGUSR2));
  usleep(50000);
  SHOW(waitpid(child, &status, WNOHANG));
  QUIET(kill(child, SIGUSR1));
  waitpid(child, &status, 0);
}

int main(void) {
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  timers(CLOCK_REALTIME, "realtime");
  timers(CLOCK_MONOTONIC, "monotonic");
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  queues();
  mutexes();
  stops();

  say("-- clocks of processes");
  clockid_t clock;
  struct timespec t;
  SHOW(clock_getcpuclockid(getpid(), &clock));
  SHOW(clock_gettime(clock, &t));
  SHOW(clock_getres(clock, &t));
  SHOW(clock_getcpuclockid(0, &clock));
  SHOW(clock_gettime(clock, &t));
  SHOW(clock_getcpuclockid(getppid(), &clock));
  SHOW(clock_getcpuclockid(1 << 28, &clock));
  SHOW(clock_gettime((clockid_t)0xbffffffa, &t));
  timer_t timer;
  clock_getcpuclockid(getpid(), &clock);
  SHOW(timer_create(clock, &(struct sigevent){.sigev_notify = SIGEV_NONE}, &timer));
  SHOW(timer_delete(timer));

  say("-- a closed timer moves nothing");
  int fd = timerfd_create(CLOCK_MONOTONIC, 0);
  SHOW(timerfd_settime(fd, 0, &(struct itimerspec){{1, 0}, {1, 0}}, NULL));
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  close(fd);
  fd = timerfd_create(CLOCK_MONOTONIC, 0);
  SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &(struct itimerspec){{0, 0}, in(CLOCK_MONOTONIC, 30)}, NULL));
  char count[8];
  SHOW(read(fd, count, 8));
  clock_gettime(CLOCK_MONOTONIC, &after);
  say("passed %d, less than a second %d", ns(after) - ns(before) >= 30000000, ns(after) - ns(before) < 1000000000);
}
