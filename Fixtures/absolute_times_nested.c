// Waits until a time of a clock that signals interrupt whose handlers wait for another, that a process makes beside its parent in the same
// memory, and that many threads make at once; many timers.
// calls: futex mq_timedreceive timer_settime
#include "deadlines.h"
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>

static bool reached(clockid_t clock, struct timespec end) {
  struct timespec t;
  clock_gettime(clock, &t);
  return ns(t) >= ns(end) && ns(t) - ns(end) < 4000000000LL;
}

static mqd_t queue;

static bool receive_until(struct timespec end) {
  char bytes[8];
  return mq_timedreceive(queue, bytes, 8, NULL, &end) < 0 && errno == ETIMEDOUT && reached(CLOCK_REALTIME, end);
}

static int handled, right;
static void wait_itself(int number) {
  (void)number;
  int error = errno;
  handled++;
  right += receive_until(in(CLOCK_REALTIME, 5));
  errno = error;
}

static void handlers(const char *name, bool has_own_stack) {
  say("-- handlers, %s", name);
  static char stack[65536];
  sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack, .ss_flags = has_own_stack ? 0 : SS_DISABLE}, NULL);
  struct sigaction action = {.sa_handler = wait_itself, .sa_flags = SA_RESTART | (has_own_stack ? SA_ONSTACK : 0)};
  sigaction(SIGALRM, &action, NULL);
  handled = right = 0;
  ualarm(30000, 30000);
  bool is_right = receive_until(in(CLOCK_REALTIME, 400));
  ualarm(0, 0);
  say("handled some %d, all of them right %d, the interrupted one %d", handled > 2, handled == right, is_right);
  // Most signals come while a call is received, or made again.
  handled = right = 0;
  ualarm(1000, 7000);
  int count = 0;
  for (int i = 0; i < 60; i++) count += receive_until(in(CLOCK_REALTIME, 2));
  ualarm(0, 0);
  say("%d of 60, handled all right %d", count, handled == right);
}

static int beside(void *result) {
  for (int i = 0; i < 30; i++) *(int *)result += receive_until(in(CLOCK_REALTIME, 3));
  return 0;
}

static void shared_memory(void) {
  say("-- in the parent's memory");
  static char stack[1 << 18] __attribute__((aligned(16)));
  int child = 0, own = 0;
  pid_t pid = clone(beside, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, &child);
  for (int i = 0; i < 30; i++) own += receive_until(in(CLOCK_REALTIME, 3));
  wait_for("child", pid);
  say("parent %d, child %d of 30", own, child);
  pid = vfork();
  if (pid == 0) {
    bool is_right = receive_until(in(CLOCK_REALTIME, 20));
    _exit(is_right);
  }
  wait_for("vfork", pid);
}

static void *wait_in_thread(void *milliseconds) { return (void *)(long)receive_until(in(CLOCK_REALTIME, (long)milliseconds)); }

static void threads(void) {
  say("-- threads");
  enum { COUNT = 40 };
  pthread_t all[COUNT];
  int count = 0;
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < COUNT; i++) pthread_create(&all[i], NULL, wait_in_thread, (void *)(long)(100 + 3 * i));
    for (int i = 0; i < COUNT; i++) {
      void *result;
      pthread_join(all[i], &result);
      count += (int)(long)result;
    }
  }
  say("%d", count);
}

static void timers(void) {
  say("-- many timers");
  enum { COUNT = 300 };
  static timer_t all[COUNT];
  int count = 0, gone_off = 0;
  for (int i = 0; i < COUNT; i++)
    count += timer_create(i % 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME, &(struct sigevent){.sigev_notify = SIGEV_NONE}, &all[i]) == 0;
  for (int i = COUNT; i-- > 0;) {
    clockid_t clock = i % 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    count += timer_settime(all[i], TIMER_ABSTIME, &(struct itimerspec){{0, 0}, in(clock, i % 3 ? 100000 : 1)}, NULL) == 0;
  }
  pause_ms(50);
  for (int i = 0; i < COUNT; i++) {
    struct itimerspec left;
    timer_gettime(all[i], &left);
    gone_off += left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0;
    if (i % 3 && (left.it_value.tv_sec < 90 || left.it_value.tv_sec > 100)) say("timer %d: left %ld", i, left.it_value.tv_sec);
    timer_delete(all[i]);
  }
  say("made and set %d, gone off %d", count, gone_off);
}

int main(void) {
  char name[32];
  snprintf(name, sizeof name, "/nested%d", (int)getpid());
  queue = mq_open(name, O_CREAT | O_RDWR, 0600, &(struct mq_attr){.mq_maxmsg = 1, .mq_msgsize = 8});
  mq_unlink(name);
  handlers("on the same stack", false);
  handlers("on another stack", true);
  shared_memory();
  threads();
  timers();
}
