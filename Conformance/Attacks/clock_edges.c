// options: --time advancing:1000000000 --process-numbers
// Moves its clock to where the arithmetic ends: with the largest tick that there can be, by files of the last second that there is, by waits from
// there, by children that begin there. Clocks must not go back, and nobody must fall over.
#include "attack.h"
#include <poll.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>

static const long edges[] = {LONG_MAX, LONG_MIN, -1, 0, 1L << 33, 1L << 34, 9223372036L, 9223372037L, 1L << 62, 253402300799L, 4294967295L};
enum { COUNT = sizeof edges / sizeof *edges };

static void ask(void) {
  static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
  for (int i = 0; i < 6; i++) {
    struct timespec a, b;
    NEEDS(syscall(SYS_clock_gettime, clocks[i], &a) == 0 && clock_gettime(clocks[i], &b) == 0);
    if (b.tv_sec < a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec < a.tv_nsec)) escaped("clock %d went back", clocks[i]);
    if (b.tv_sec < 0 || b.tv_nsec < 0 || b.tv_nsec > 999999999) escaped("clock %d is no time: %ld %ld", clocks[i], b.tv_sec, b.tv_nsec);
  }
  struct tms ticks;
  struct timeval tv;
  struct rusage usage;
  times(&ticks), gettimeofday(&tv, NULL), time(NULL), getrusage(RUSAGE_SELF, &usage), getrusage(RUSAGE_CHILDREN, &usage);
  char text[256];
  int fd = open("/proc/uptime", O_RDONLY);
  read(fd, text, sizeof text), close(fd);
}

static void wait_a_little(void) {
  struct timespec end;
  poll(NULL, 0, 1), nanosleep(&(struct timespec){0, 1000}, NULL);
  clock_gettime(CLOCK_MONOTONIC, &end);
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec -= 1;
  clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &end, NULL);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  timerfd_settime(timer, 0, &(struct itimerspec){{1, 0}, {0, 1}}, NULL);
  usleep(1000);
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &(struct itimerspec){{1L << 33, 0}, {1L << 33, 0}}, NULL);
  close(timer);
}

int main(void) {
  ask();
  for (int i = 0; i < COUNT; i++)
    for (int j = 0; j < COUNT; j++) IN_CHILD {
      char name[32];
      snprintf(name, sizeof name, "file%d-%d", i, j);
      close(open(name, O_CREAT | O_WRONLY, 0644));
      utimensat(AT_FDCWD, name, (struct timespec[]){{edges[i], 999999999}, {edges[j], 999999999}}, 0);
      struct stat st;
      stat(name, &st);
      ask(), wait_a_little();
      // Written at a time after the last.
      int fd = open(name, O_RDWR | O_APPEND);
      write(fd, "x", 1);
      fstat(fd, &st), close(fd);
      mkdir("made", 0755), rmdir("made");
      IN_CHILD {
        ask(), wait_a_little();
        IN_CHILD execl("/bin/ls", "ls", "-l", name, NULL);
        ask();
      }
      ask();
    }
  IN_CHILD execl("/bin/true", "true", NULL);
  if (child_status) escaped("nothing runs any more: %#x", child_status);
  ask();
  return verdict();
}
