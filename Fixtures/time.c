// Clocks and sleeping: that they move, in the right direction, and refuse what they should.
// calls: clock_adjtime clock_getres clock_gettime clock_nanosleep gettimeofday nanosleep setitimer time times
#include "deadlines.h"
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>

static void alarmed(int number) { (void)number; }

int main(void) {
  static const struct {
    clockid_t clock;
    const char *name;
  } clocks[] = {{CLOCK_REALTIME, "realtime"}, {CLOCK_MONOTONIC, "monotonic"}, {CLOCK_PROCESS_CPUTIME_ID, "process"},
                {CLOCK_THREAD_CPUTIME_ID, "thread"}, {CLOCK_MONOTONIC_RAW, "raw"}, {CLOCK_REALTIME_COARSE, "coarse"},
                {CLOCK_MONOTONIC_COARSE, "monotonic coarse"}, {CLOCK_BOOTTIME, "boot"}, {CLOCK_TAI, "tai"}};
  for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
    struct timespec a = {0}, b = {0}, resolution = {0};
    int first = clock_gettime(clocks[i].clock, &a), second = syscall(SYS_clock_gettime, clocks[i].clock, &b);
    int third = clock_getres(clocks[i].clock, &resolution);
    say("%s: %d %d %d, not backwards %d, resolution %d", clocks[i].name, first, second, third, ns(b) >= ns(a), ns(resolution) > 0);
  }
  struct timespec t, u;
  SHOW(syscall(SYS_clock_gettime, 99, &t));
  SHOW(syscall(SYS_clock_gettime, CLOCK_REALTIME, bad_pointer()));
  SHOW(syscall(SYS_clock_getres, 99, &t));
  clock_gettime(CLOCK_REALTIME, &t);
  say("after 2020 %d", t.tv_sec >= 1577836800);
  struct timeval tv;
  SHOW(gettimeofday(&tv, NULL));
  SHOW(syscall(SYS_gettimeofday, &tv, NULL));
  say("close to realtime %d", llabs((long long)tv.tv_sec - t.tv_sec) < 5);
  say("time %d, through a pointer %d", llabs((long long)time(NULL) - t.tv_sec) < 5, llabs((long long)syscall(SYS_time, NULL) - t.tv_sec) < 5);

  say("-- sleeping");
  clock_gettime(CLOCK_MONOTONIC, &t);
  SHOW(nanosleep(&(struct timespec){0, 20000000}, NULL));
  clock_gettime(CLOCK_MONOTONIC, &u);
  say("long enough %d", ns(u) - ns(t) >= 20000000);
  SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 5000000}, NULL));
  SHOW(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &(struct timespec){1, 0}, NULL));
  SHOW(usleep(1000));
  SHOW(nanosleep(&(struct timespec){0, 1000000000}, NULL));
  SHOW(nanosleep(&(struct timespec){-1, 0}, NULL));
  SHOW(syscall(SYS_nanosleep, bad_pointer(), NULL));
  SHOW(clock_nanosleep(99, 0, &(struct timespec){0, 0}, NULL));
  struct sigaction action = {.sa_handler = alarmed};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 20000}}, NULL);
  struct timespec left = {0};
  SHOW(nanosleep(&(struct timespec){5, 0}, &left));
  say("left over %d", left.tv_sec >= 3 && left.tv_sec < 5);

  say("-- CPU time");
  struct tms before, after;
  CHECK(times(&before));
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  for (volatile int i = 0; i < 50000000; i++) continue;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &u);
  CHECK(times(&after));
  say("moved %d, times moved %d, tick %ld", ns(u) - ns(t) > 1000000, after.tms_utime >= before.tms_utime, sysconf(_SC_CLK_TCK));
  clockid_t clock;
  SHOW(clock_getcpuclockid(getpid(), &clock));
  SHOW(clock_gettime(clock, &t));

  say("-- a file's time lies between two looks at the clock");
  struct stat st;
  clock_gettime(CLOCK_REALTIME_COARSE, &t);
  put_file("now", "text");
  clock_gettime(CLOCK_REALTIME, &u);
  QUIET(stat("now", &st));
  say("between %d", ns(st.st_mtim) >= ns(t) - 10000000 && ns(st.st_mtim) <= ns(u) + 10000000);
  struct timex adjust = {0};
  CHECK(adjtimex(&adjust));
}
