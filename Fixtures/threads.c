// Threads: descriptors, files, the working directory, signals and exit.
// calls: clone3 exit exit_group futex openat unlink
#include "observe.h"
#include <pthread.h>

static pthread_barrier_t barrier;
static int fds[8];

static void *worker(void *argument) {
  long number = (long)argument;
  char name[32], text[32];
  int wrong = 0;
  pthread_barrier_wait(&barrier);
  for (int i = 0; i < 50; i++) {
    snprintf(name, sizeof name, "t%ld-%d", number, i);
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    int length = snprintf(text, sizeof text, "%ld %d", number, i);
    struct stat st;
    wrong += fd < 0 || write(fd, text, length) != length || fstat(fd, &st) < 0 || st.st_size != length;
    char back[32] = "";
    wrong += pread(fd, back, sizeof back, 0) != length || strcmp(back, text) != 0;
    wrong += stat(name, &st) < 0 || st.st_size != length;
    close(fd);
    wrong += unlink(name) < 0 || access(name, F_OK) == 0;
  }
  return (void *)(long)wrong;
}

static void *opener(void *argument) {
  fds[(long)argument] = open("data/hello.txt", O_RDONLY);
  return NULL;
}

static void *same_file(void *unused) {
  (void)unused;
  // All copy up the same lower file at once.
  pthread_barrier_wait(&barrier);
  int fd = open("data/numbers.txt", O_RDWR);
  if (fd < 0) return (void *)1;
  struct stat st;
  fstat(fd, &st);
  close(fd);
  return (void *)(long)(st.st_size != 10000);
}

static void *exclusive(void *unused) {
  (void)unused;
  pthread_barrier_wait(&barrier);
  int fd = open("only-once", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd >= 0) close(fd);
  return (void *)(long)(fd >= 0);
}

static void *sleeper(void *unused) {
  (void)unused;
  pause();
  return NULL;
}

static long gather(void *(*start)(void *)) {
  pthread_t threads[8];
  long sum = 0;
  for (long i = 0; i < 8; i++) pthread_create(&threads[i], NULL, start, (void *)i);
  for (int i = 0; i < 8; i++) {
    void *result;
    pthread_join(threads[i], &result);
    sum += (long)result;
  }
  return sum;
}

static void *quit(void *unused) {
  (void)unused;
  pause_ms(20);
  exit(12);
}

static void *outlive(void *unused) {
  (void)unused;
  pause_ms(50);
  say("still here, and files still open: %d", access("data/hello.txt", F_OK) == 0);
  _exit(13);
}

int main(void) {
  pthread_t thread;
  pthread_barrier_init(&barrier, NULL, 8);
  say("wrong %ld", gather(worker));
  show_directory(".");
  gather(opener);
  int seen = 0;
  for (int i = 0; i < 8; i++) seen |= 1 << fds[i];
  say("descriptors %#x", seen);
  closefrom(3);
  say("wrong sizes %ld", gather(same_file));
  show_stat("data/numbers.txt");
  say("exclusive creations %ld", gather(exclusive));

  say("-- a thread forks");
  IN_CHILD {
    pthread_create(&thread, NULL, sleeper, NULL);
    IN_CHILD {
      say("only one thread in the child: tid is pid %d", gettid() == getpid());
      put_file("forked", "from a process with threads");
    }
    show_file("forked");
  }

  say("-- exit from a thread ends the process");
  IN_CHILD {
    pthread_create(&thread, NULL, quit, NULL);
    for (;;) pause();
  }
  say("-- the leader ends first");
  IN_CHILD {
    pthread_create(&thread, NULL, outlive, NULL);
    pthread_exit(NULL);
  }
  say("-- a signal ends all");
  IN_CHILD {
    for (int i = 0; i < 4; i++) pthread_create(&thread, NULL, sleeper, NULL);
    pause_ms(10);
    kill(getpid(), SIGTERM);
    for (;;) pause();
  }
  say("-- many short ones");
  long good = 0;
  for (int i = 0; i < 200; i++) {
    void *result = NULL;
    if (pthread_create(&thread, NULL, opener, (void *)(long)(i % 8)) == 0 && pthread_join(thread, &result) == 0) good++;
    close(fds[i % 8]);
  }
  say("good %ld", good);
}
