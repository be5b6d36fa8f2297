/* calls <name> <iterations>: measures one system call (or one small exchange) and prints nanoseconds for each.
 *
 * The loop is the only thing that is timed, with a clock that every kernel answers without a trap. It works in the
 * current directory, where `calls prepare` made what it needs. The best of five equal parts is printed besides the
 * mean: on a noisy machine the best says what the call costs, and the mean what a program sees.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char **environment;
static int descriptor = -1, ends[4];
static char buffer[1 << 16];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void getppid_once(void) { syscall(SYS_getppid); }

static void stat_once(void) {
  struct stat info;
  if (stat("bench/small", &info) || info.st_size != 4096) fail("stat");
}

static void missing_once(void) {
  struct stat info;
  if (stat("bench/missing", &info) == 0 || errno != ENOENT) fail("missing");
}

static void open_once(void) {
  int opened = open("bench/small", O_RDONLY | O_CLOEXEC);
  if (opened < 0) fail("open");
  close(opened);
}

static void read_start(void) { descriptor = open("bench/small", O_RDONLY); }
static void read_once(void) {
  if (pread(descriptor, buffer, 512, 0) != 512) fail("read");
}

static void write_start(void) { descriptor = open("bench-written", O_RDWR | O_CREAT | O_TRUNC, 0644); }
static void write_once(void) {
  if (pwrite(descriptor, buffer, 512, 0) != 512) fail("write");
}

static void fstat_once(void) {
  struct stat info;
  if (fstat(descriptor, &info)) fail("fstat");
}

/* A whole listing of 1,000 names: about 1 + 1000/680 calls of getdents64 with this buffer. */
static void list_start(void) { descriptor = open("bench/thousand", O_RDONLY | O_DIRECTORY); }
static void list_once(void) {
  long got, total = 0;
  lseek(descriptor, 0, SEEK_SET);
  while ((got = syscall(SYS_getdents64, descriptor, buffer, sizeof buffer)) > 0) total += got;
  if (got < 0 || total < 1000 * 24) fail("getdents64");
}

static void create_once(void) {
  int made = open("bench-made", O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (made < 0) fail("create");
  close(made);
  if (unlink("bench-made")) fail("unlink");
}

/* fork and exec of a static program that returns at once, so that ld.so's own calls stay out of it. */
static void exec_once(void) {
  int status;
  pid_t child = fork();
  if (child == 0) {
    char *arguments[] = {"nothing", NULL};
    execve("./nothing", arguments, environment);
    _exit(127);
  }
  if (child < 0 || waitpid(child, &status, 0) != child || status) fail("exec");
}

/* The same with a dynamic program: what a shell script pays for each command. */
static void exec_dynamic_once(void) {
  int status;
  pid_t child;
  char *arguments[] = {"true", NULL};
  if (posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environment)) fail("spawn");
  if (waitpid(child, &status, 0) != child || status) fail("wait");
}

static void pipe_start(void) {
  char byte;
  if (pipe(ends) || pipe(ends + 2)) fail("pipe");
  if (fork() == 0) {
    close(ends[1]);
    close(ends[2]);
    while (read(ends[0], &byte, 1) == 1 && write(ends[3], &byte, 1) == 1) {}
    _exit(0);
  }
  close(ends[0]);
  close(ends[3]);
}
static void pipe_once(void) {
  char byte = 'x';
  if (write(ends[1], &byte, 1) != 1 || read(ends[2], &byte, 1) != 1) fail("ping-pong");
}

static void prepare(void) {
  char name[64];
  if (mkdir("bench", 0755) || mkdir("bench/thousand", 0755)) fail("mkdir");
  int file = open("bench/small", O_WRONLY | O_CREAT, 0644);
  if (file < 0 || write(file, buffer, 4096) != 4096) fail("bench/small");
  close(file);
  for (int i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "bench/thousand/entry-%04d", i);
    close(open(name, O_WRONLY | O_CREAT, 0644));
  }
}

static const struct call {
  const char *name;
  void (*once)(void);
  void (*start)(void);
} calls[] = {
    {"getppid", getppid_once, NULL},    {"stat", stat_once, NULL},
    {"missing", missing_once, NULL},    {"open", open_once, NULL},
    {"read", read_once, read_start},    {"write", write_once, write_start},
    {"fstat", fstat_once, read_start},  {"getdents", list_once, list_start},
    {"create", create_once, NULL},      {"exec", exec_once, NULL},
    {"spawn", exec_dynamic_once, NULL}, {"pipe", pipe_once, pipe_start},
};

int main(int count, char **arguments, char **variables) {
  environment = variables;
  if (count == 2 && !strcmp(arguments[1], "prepare")) {
    prepare();
    return 0;
  }
  long iterations = count == 3 ? atol(arguments[2]) : 0;
  for (size_t i = 0; iterations >= 5 && i < sizeof calls / sizeof *calls; i++) {
    if (strcmp(calls[i].name, arguments[1])) continue;
    if (calls[i].start) calls[i].start();
    for (long j = 0; j < iterations / 20 + 1; j++) calls[i].once(); /* warm */
    int64_t best = INT64_MAX, total = 0;
    for (int part = 0; part < 5; part++) {
      int64_t start = now();
      for (long j = 0; j < iterations / 5; j++) calls[i].once();
      int64_t taken = now() - start;
      total += taken;
      if (taken < best) best = taken;
    }
    printf("%s %.1f %.1f\n", calls[i].name, (double)best / (iterations / 5), (double)total / (iterations / 5 * 5));
    return 0;
  }
  fprintf(stderr, "usage: calls prepare | calls <name> <iterations, 5 or more>; names:");
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) fprintf(stderr, " %s", calls[i].name);
  fputc('\n', stderr);
  return 2;
}
