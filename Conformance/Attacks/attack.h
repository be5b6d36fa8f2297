// What every attack shares: where the canaries are, how to say that something got out, racing threads, children.
//
// An attack detects its own success: `escaped` says how, from any process of the attack, and `verdict` is its exit
// status. The driver tells by environment variables what there is to be reached on the host (run --help).
#ifndef ATTACK_H
#define ATTACK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CONTAINED = 0, BROKEN = 98, ESCAPED = 99 };

// Shared by all processes of the attack.
static volatile int *escapes;

__attribute__((constructor, unused)) static void share_verdict(void) {
  escapes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (escapes == MAP_FAILED) _exit(BROKEN);
}

__attribute__((format(printf, 1, 2), unused)) static void say(const char *format, ...) {
  char line[4096];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  if (length > (int)sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  if (write(STDOUT_FILENO, line, length) != length) _exit(BROKEN);
}

// The first few are enough to know what happened.
#define escaped(...) ((*escapes)++ < 8 ? say("escaped: " __VA_ARGS__) : (void)0)

// An attack that could not even be tried proves nothing.
#define broken(...) (say("broken: " __VA_ARGS__), _exit(BROKEN))
#define NEEDS(condition) ((condition) ? (void)0 : broken("%s:%d: %s: %s", __FILE__, __LINE__, #condition, strerror(errno)))

__attribute__((unused)) static int verdict(void) {
  if (!*escapes) say("contained");
  return *escapes ? ESCAPED : CONTAINED;
}

__attribute__((unused)) static const char *given(const char *name) {
  const char *value = getenv(name);
  if (!value) broken("no %s in the environment", name);
  return value;
}

__attribute__((unused)) static int number(const char *name) { return atoi(given(name)); }

// Without uwrx: a race that makes files must not be run to its end, as half of a path may lead anywhere.
__attribute__((unused)) static bool is_native(void) { return number("ATTACK_SUPERVISOR") == getpid(); }

// A path in the host's directory that is in no source.
__attribute__((unused)) static const char *outside(const char *name) {
  static char paths[8][PATH_MAX];
  static int turn;
  char *path = paths[turn++ % 8];
  snprintf(path, PATH_MAX, "%s/%s", given("ATTACK_OUTSIDE"), name);
  return path;
}

// The canary file begins with this word.
__attribute__((unused)) static bool reads_secret(int fd) {
  char bytes[64];
  ssize_t count = pread(fd, bytes, sizeof bytes - 1, 0);
  if (count < 0) count = read(fd, bytes, sizeof bytes - 1);
  return count >= 6 && !memcmp(bytes, "canary", 6);
}

// Seconds of the machine's, also where the guest's clocks are its own: by those a race would end when it has asked often enough.
#if defined(__x86_64__)
// rdtsc; shl $32, %rdx; or %rdx, %rax; ret. Made here: where instructions are answered (--instructions), those of files are.
static unsigned long long counted(void) {
  static unsigned long long (*count)(void);
  if (!count) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return __builtin_ia32_rdtsc();
    memcpy(page, "\x0f\x31\x48\xc1\xe2\x20\x48\x09\xd0\xc3", 10);
    count = (unsigned long long (*)(void))page;
  }
  return count();
}
static double count_of_a_second(void) {
  double least = 1e18;
  for (int i = 0; i < 2; i++) {
    unsigned long long start = counted();
    usleep(5000);
    double count = (counted() - start) / 0.005;
    if (count < least) least = count;
  }
  return least;
}
#elif defined(__aarch64__)
static unsigned long long counted(void) {
  unsigned long long value;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
}
static double count_of_a_second(void) {
  unsigned long long value;
  __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(value));
  return value;
}
#endif

__attribute__((unused)) static double now(void) {
  static double second;
  if (second == 0) second = count_of_a_second();
  return counted() / second;
}

// How long a race is tried. UWRX_ATTACK_SECONDS makes it longer by hand.
__attribute__((unused)) static double patience(void) {
  const char *value = getenv("UWRX_ATTACK_SECONDS");
  return value ? atof(value) : 0.7;
}

// Another thread that writes first one value and then the other into memory until it is told to stop.
struct racer {
  void *target;
  const void *first, *second;
  size_t size;
  volatile bool stop;
  pthread_t thread;
};

__attribute__((unused)) static void *race(void *argument) {
  struct racer *racer = argument;
  for (unsigned i = 0; !racer->stop; i++) {
    memcpy(racer->target, i & 1 ? racer->second : racer->first, racer->size);
    // The window between the supervisor's look and the kernel's own is some microseconds wide, and moves.
    for (volatile unsigned wait = i * 7 % 600; wait; wait--) {
    }
  }
  return NULL;
}

__attribute__((unused)) static void start_race(
    struct racer *racer, void *target, const void *first, const void *second, size_t size) {
  *racer = (struct racer){.target = target, .first = first, .second = second, .size = size};
  NEEDS(pthread_create(&racer->thread, NULL, race, racer) == 0);
}

__attribute__((unused)) static void end_race(struct racer *racer) {
  racer->stop = true;
  pthread_join(racer->thread, NULL);
}

// IN_CHILD { ... } runs the block in a child; its wait status is in `child_status` afterwards.
static int child_status __attribute__((unused));
__attribute__((unused)) static bool become_child(void) {
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) return true;
  NEEDS(pid > 0);
  while (waitpid(pid, &child_status, 0) < 0) NEEDS(errno == EINTR);
  return false;
}
#define IN_CHILD for (bool child_ = become_child(); child_; _exit(0))

#endif
