// Times that a fixture waits for.
#ifndef DEADLINES_H
#define DEADLINES_H
#include "observe.h"

static long long ns(struct timespec t) { return t.tv_sec * 1000000000LL + t.tv_nsec; }

__attribute__((unused)) static struct timespec in(clockid_t clock, long milliseconds) {
  struct timespec t;
  clock_gettime(clock, &t);
  long long end = ns(t) + milliseconds * 1000000LL;
  return (struct timespec){end / 1000000000, end % 1000000000};
}
#endif
