// How often does a signal make a trapped call fail with EINTR that Linux would not interrupt? Calls stat without a pause while a
// timer sends a signal, whose handler has no SA_RESTART, at intervals that nothing is in step with. Prints the signals that arrived during
// a call, the calls that failed with EINTR, and the share.
// eintr [seconds]
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

static volatile sig_atomic_t inside, during, all;
static timer_t timer;

static void arm(void) {
  struct itimerspec next = {.it_value.tv_nsec = 50000 + random() % 200000};
  timer_settime(timer, 0, &next, NULL);
}

static void handler(int signal) {
  (void)signal;
  all++;
  if (inside) during++;
  arm();
}

int main(int argc, char **argv) {
  time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
  struct sigaction action = {.sa_handler = handler};
  sigaction(SIGUSR1, &action, NULL);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  if (timer_create(CLOCK_MONOTONIC, &event, &timer)) return 1;
  arm();
  long calls = 0, interrupted = 0;
  struct stat st;
  while (time(NULL) < end) {
    for (int i = 0; i < 1000; i++, calls++) {
      inside = 1;
      int result = stat("/", &st);
      inside = 0;
      if (result && errno == EINTR) interrupted++;
    }
  }
  printf("%ld calls, %d signals, %d of them during a call, %ld EINTR: %.1f %%\n", calls, (int)all, (int)during,
         interrupted, during ? 100.0 * interrupted / during : 0.0);
}
