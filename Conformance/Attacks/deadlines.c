// options: --time advancing
// alone: makes thousands of threads
// Waits for times of its own clock, which the supervisor looks after: times that are huge, negative or overflow, in every call that takes one;
// thousands at once; words that change or vanish while they are waited for; waits whose process dies; signals without end. The supervisor must
// go on to answer others, and the run must end.
#include "attack.h"
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/time.h>
#include <sys/timerfd.h>

static const long edges[] = {0, 1, -1, 999999999, 1000000000, 0x7fffffff, 0x80000000, 0xffffffff, 1L << 32, LONG_MAX, LONG_MIN, LONG_MAX / 1000000000,
                             LONG_MAX / 1000000000 + 1, LONG_MAX - 1, 1577836800, 2000000000, 1L << 62};
enum { COUNT = sizeof edges / sizeof *edges, PARTS = 3, CHILDREN = COUNT * PARTS, WAITERS = 1200 };

static void nothing(int signal) { (void)signal; }

static void wait_by(int call, struct timespec time) {
  static int words[4];
  struct itimerspec timer = {time, time}, first = {{0, 0}, time};
  struct itimerval old = {{time.tv_sec, time.tv_nsec}, {time.tv_sec, time.tv_nsec}};
  struct timeval brief = {time.tv_sec, time.tv_nsec};
  struct timespec left;
  sigset_t none;
  sigemptyset(&none);
  fd_set set;
  FD_ZERO(&set);
  static timer_t made;
  static bool hasMade;
  if (!hasMade) hasMade = timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_NONE}, &made) == 0;
  int fd = -1;
  switch (call) {
  case 0: syscall(SYS_nanosleep, &time, &left); break;
  case 1: syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL); break;
  case 2: syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL); break;
  case 3: syscall(SYS_futex, words, FUTEX_WAIT, 0, &time, NULL, 0); break;
  case 4: syscall(SYS_futex, words, FUTEX_WAIT_BITSET, 0, &time, NULL, -1); break;
  case 5: syscall(SYS_futex, words, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &time, NULL, -1); break;
  case 6: words[1] = getppid(), syscall(SYS_futex, &words[1], FUTEX_LOCK_PI, 0, &time, NULL, 0); break;
  case 7: words[1] = getppid(), syscall(SYS_futex, &words[1], 13 /* FUTEX_LOCK_PI2 */, 0, &time, NULL, 0); break;
  case 8: syscall(SYS_ppoll, NULL, 0, &time, NULL, 8); break;
  case 9: syscall(SYS_pselect6, 1, &set, NULL, NULL, &time, NULL); break;
  case 10: select(1, &set, NULL, NULL, &brief); break;
  case 11: syscall(SYS_rt_sigtimedwait, &none, NULL, &time, 8); break;
  case 12: syscall(SYS_timerfd_settime, fd = timerfd_create(CLOCK_REALTIME, 0), TFD_TIMER_ABSTIME, &timer, NULL); break;
  case 13: syscall(SYS_timerfd_settime, fd = timerfd_create(CLOCK_MONOTONIC, 0), 0, &first, NULL); break;
  case 14: syscall(SYS_timer_settime, made, 0, &timer, NULL); break;
  case 15: syscall(SYS_timer_settime, made, TIMER_ABSTIME, &timer, NULL); break;
  case 16: signal(SIGALRM, SIG_IGN), setitimer(ITIMER_REAL, &old, NULL); break;
  case 17: syscall(SYS_epoll_pwait2, fd = epoll_create1(0), &(struct epoll_event){0}, 1, &time, NULL, 8); break;
  case 18: poll(NULL, 0, (int)time.tv_sec); break;
  case 19: {
    int id = semget(IPC_PRIVATE, 1, 0600);
    semtimedop(id, &(struct sembuf){0, -1, 0}, 1, &time);
    semctl(id, 0, IPC_RMID);
    break;
  }
  case 20: {
    char name[32], byte;
    snprintf(name, sizeof name, "/deadline%d", getpid());
    mqd_t queue = mq_open(name, O_CREAT | O_RDWR, 0600, &(struct mq_attr){.mq_maxmsg = 1, .mq_msgsize = 1});
    mq_unlink(name);
    syscall(SYS_mq_timedreceive, queue, &byte, 1, NULL, &time);
    syscall(SYS_mq_timedsend, queue, "x", 1, 0, &time);
    syscall(SYS_mq_timedsend, queue, "x", 1, 0, &time);
    mq_close(queue);
    break;
  }
  case 21: alarm((unsigned)time.tv_sec); break;
  case 22: clock_gettime((clockid_t)time.tv_sec, &left), clock_getres((clockid_t)time.tv_nsec, &left); break;
  }
  if (fd >= 0) close(fd);
  clock_gettime(CLOCK_MONOTONIC, &left);
}
enum { CALLS = 23 };

static int *word;

static void *wait_long(void *argument) {
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  end.tv_sec += 1000;
  if ((long)argument & 1)
    for (;;) syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, &end, NULL, -1);
  for (;;) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
  return NULL;
}

int main(void) {
  // Each in a process that is killed while it waits, if it does.
  for (int call = 0; call < CALLS; call++) {
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++)
      if (!(children[i] = fork())) {
        wait_by(call, (struct timespec){edges[i / PARTS], edges[(int[]){0, 3, 9}[i % PARTS]]});
        wait_by(call, (struct timespec){edges[i / PARTS], i});
        _exit(0);
      }
    usleep(20000);
    for (int i = 0; i < CHILDREN; i++) kill(children[i], SIGKILL);
    for (int i = 0; i < CHILDREN; i++) NEEDS(waitpid(children[i], NULL, 0) == children[i]);
  }
  // Thousands at once; others are answered meanwhile.
  pid_t crowd = fork();
  if (!crowd) {
    word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t small;
    pthread_attr_init(&small), pthread_attr_setstacksize(&small, 65536);
    pthread_t thread;
    for (long i = 0; i < WAITERS; i++)
      if (pthread_create(&thread, &small, wait_long, (void *)i)) break;
    for (int i = 0;; i++) { // the words change, vanish and come again
      *word = i & 1;
      usleep(1000);
      if (i % 16 == 0) munmap(word, 4096), mmap(word, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
      if (i % 16 == 8) mmap(word, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), mmap(word, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
  }
  usleep(500000);
  double start = now();
  struct stat st;
  for (int i = 0; i < 200; i++) stat("/etc/passwd", &st);
  IN_CHILD execl("/bin/true", "true", NULL);
  if (child_status) escaped("nothing runs any more: %#x", child_status);
  if (now() - start > 10) escaped("others had to wait for %.1f s", now() - start);
  kill(crowd, SIGKILL);
  NEEDS(waitpid(crowd, NULL, 0) == crowd);
  // Signals without end.
  IN_CHILD {
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = nothing}, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 50}, {0, 50}}, NULL);
    for (double end = now() + patience(); now() < end;)
      for (int call = 0; call < CALLS; call++) {
        if (call == 16 || call == 21 || call == 18) continue;
        struct timespec soon;
        clock_gettime(call == 1 || call == 5 || call == 6 || call == 20 ? CLOCK_REALTIME : CLOCK_MONOTONIC, &soon);
        bool isLength = call == 0 || call == 3 || (call >= 8 && call <= 14) || call == 17 || call == 19;
        wait_by(call, isLength ? (struct timespec){0, 2000000} : (struct timespec){soon.tv_sec, soon.tv_nsec < 990000000 ? soon.tv_nsec + 5000000 : 999999999});
      }
  }
  if (child_status) escaped("signals: %#x", child_status);
  return verdict();
}
