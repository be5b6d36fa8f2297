#include <stdio.h>
#include <time.h>

int main(void) {
  struct timespec start, now;
  unsigned long rounds = 0;
  clock_gettime(CLOCK_MONOTONIC, &start);
  do {
    rounds++;
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec - start.tv_nsec < 1000000);
  printf("%lu\n", rounds);
  return 0;
}
