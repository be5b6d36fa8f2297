// futex: waiting, waking, time limits, robust lists, and mutexes between processes.
// calls: futex set_robust_list
#include "observe.h"
#include <linux/futex.h>
#include <pthread.h>

static long futex(uint32_t *address, int operation, uint32_t value, const struct timespec *timeout) {
  return syscall(SYS_futex, address, operation, value, timeout, NULL, 0);
}

struct shared {
  uint32_t word;
  pthread_mutex_t mutex;
  pthread_cond_t condition;
  int counter, ready;
};

int main(void) {
  struct shared *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct timespec brief = {0, 5000000};
  SHOW(futex(&shared->word, FUTEX_WAIT, 1, NULL));
  SHOW(futex(&shared->word, FUTEX_WAIT, 0, &brief));
  SHOW(futex(&shared->word, FUTEX_WAKE, 1, NULL));
  SHOW(futex(&shared->word, FUTEX_WAIT, 0, &(struct timespec){0, -1}));
  SHOW(futex((uint32_t *)((char *)&shared->word + 1), FUTEX_WAIT, 0, NULL));
  SHOW(futex(bad_pointer(), FUTEX_WAIT, 0, NULL));
  SHOW(futex(&shared->word, 99, 0, NULL));
  pid_t pid = fork();
  if (pid == 0) {
    long result;
    while ((result = futex(&shared->word, FUTEX_WAIT, 0, NULL)) < 0 && errno == EINTR) continue;
    _exit(result == 0 || errno == EAGAIN ? 0 : 1);
  }
  pause_ms(30);
  shared->word = 1;
  SHOW(futex(&shared->word, FUTEX_WAKE, 10, NULL));
  wait_for("child", pid);

  say("-- a mutex and a condition between processes");
  pthread_mutexattr_t mutexKind;
  pthread_condattr_t conditionKind;
  pthread_mutexattr_init(&mutexKind);
  pthread_mutexattr_setpshared(&mutexKind, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&mutexKind, PTHREAD_MUTEX_ROBUST);
  pthread_condattr_init(&conditionKind);
  pthread_condattr_setpshared(&conditionKind, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&shared->mutex, &mutexKind);
  pthread_cond_init(&shared->condition, &conditionKind);
  for (int i = 0; i < 4; i++) {
    if (fork() == 0) {
      for (int n = 0; n < 1000; n++) {
        pthread_mutex_lock(&shared->mutex);
        int value = shared->counter;
        if (n % 100 == 0) access("data", F_OK);
        shared->counter = value + 1;
        pthread_mutex_unlock(&shared->mutex);
      }
      _exit(0);
    }
  }
  while (wait(NULL) > 0) continue;
  say("counter %d", shared->counter);
  pid = fork();
  if (pid == 0) {
    pthread_mutex_lock(&shared->mutex);
    while (!shared->ready) pthread_cond_wait(&shared->condition, &shared->mutex);
    pthread_mutex_unlock(&shared->mutex);
    _exit(7);
  }
  pause_ms(20);
  pthread_mutex_lock(&shared->mutex);
  shared->ready = 1;
  pthread_cond_signal(&shared->condition);
  pthread_mutex_unlock(&shared->mutex);
  wait_for("child", pid);

  say("-- the owner dies");
  IN_CHILD pthread_mutex_lock(&shared->mutex);
  int error = pthread_mutex_lock(&shared->mutex);
  say("lock %s", error ? error_name(error) : "0");
  say("consistent %d", pthread_mutex_consistent(&shared->mutex));
  pthread_mutex_unlock(&shared->mutex);
  IN_CHILD {
    pthread_mutex_lock(&shared->mutex);
    execl("/bin/true", "true", NULL);
  }
  error = pthread_mutex_lock(&shared->mutex);
  say("after exec %s", error ? error_name(error) : "0");

  say("-- a file mapping");
  int fd = QUIET(open("data/numbers.txt", O_RDWR));
  uint32_t *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  uint32_t before = *word;
  pid = fork();
  if (pid == 0) {
    int own = open("data/numbers.txt", O_RDWR);
    uint32_t *mine = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);
    pause_ms(30);
    *mine = before + 1;
    futex(mine, FUTEX_WAKE, 1, NULL);
    _exit(0);
  }
  long result = futex(word, FUTEX_WAIT, before, &(struct timespec){5, 0});
  say("woken %d, changed %d", result == 0 || errno == EAGAIN, *word == before + 1);
  wait_for("child", pid);
}
