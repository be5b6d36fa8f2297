#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

int main(void) {
  static const clockid_t clocks[] = {
      CLOCK_REALTIME,     CLOCK_MONOTONIC,       CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
      CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI};
  struct timespec now;
  for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; i++) {
    clock_gettime(clocks[i], &now);
    printf("clock %d: %ld.%09ld\n", clocks[i], (long)now.tv_sec, now.tv_nsec);
  }
  struct timeval day;
  gettimeofday(&day, NULL);
  struct tms used;
  clock_t ticks = times(&used);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("time %ld, gettimeofday %ld.%06ld, times %ld, clock %ld\n", (long)time(NULL), (long)day.tv_sec, (long)day.tv_usec, (long)ticks, (long)clock());
  printf("rusage %ld.%06ld %ld.%06ld\n", (long)usage.ru_utime.tv_sec, (long)usage.ru_utime.tv_usec, (long)usage.ru_stime.tv_sec, (long)usage.ru_stime.tv_usec);
  return 0;
}
