// The newer futex calls, the lists of robust futexes, and the address that is cleared when a thread ends.
// calls: futex_requeue futex_wait futex_waitv futex_wake get_robust_list set_robust_list set_tid_address
#include "observe.h"
#include <linux/futex.h>
#include <pthread.h>

#define FUTEX_WAKE2 454
#define FUTEX_WAIT2 455
#define FUTEX_REQUEUE2 456
#define U32 2
#define ALL 0xffffffffUL

static uint32_t words[4];

// A wake that never comes must show as a line, not as a hanging fixture.
static struct timespec *soon(void) {
  static struct timespec limit;
  clock_gettime(CLOCK_MONOTONIC, &limit);
  limit.tv_sec += 5;
  return &limit;
}

static void *waker(void *word) {
  long woken = 0;
  for (int i = 0; i < 400 && woken < 1; i++) {
    pause_ms(10);
    woken = syscall(FUTEX_WAKE2, word, ALL, 1, U32 | FUTEX_PRIVATE_FLAG);
  }
  return (void *)woken;
}

static void waking(void) {
  struct timespec past = {1, 0}, wrong = {1, 2000000000};
  SHOW(syscall(FUTEX_WAIT2, &words[0], 1UL, ALL, U32, NULL, CLOCK_MONOTONIC));
  SHOW(syscall(FUTEX_WAIT2, &words[0], 0UL, ALL, U32, &past, CLOCK_MONOTONIC));
  SHOW(syscall(FUTEX_WAIT2, &words[0], 0UL, ALL, U32, &wrong, CLOCK_MONOTONIC));
  SHOW(syscall(FUTEX_WAIT2, &words[0], 0UL, ALL, U32, &past, 99));
  SHOW(syscall(FUTEX_WAIT2, &words[0], 0UL, 0UL, U32, &past, CLOCK_MONOTONIC));
  SHOW(syscall(FUTEX_WAIT2, &words[0], 0UL, ALL, 0x40, &past, CLOCK_MONOTONIC));
  SHOW(syscall(FUTEX_WAIT2, (char *)words + 1, 0UL, ALL, U32, &past, CLOCK_MONOTONIC));
  SHOW(syscall(FUTEX_WAIT2, bad_pointer(), 0UL, ALL, U32, &past, CLOCK_MONOTONIC));
  SHOW(syscall(FUTEX_WAKE2, &words[0], ALL, 1, U32));
  SHOW(syscall(FUTEX_WAKE2, &words[0], 0UL, 1, U32));
  SHOW(syscall(FUTEX_WAKE2, &words[0], ALL, 1, 0x40));
  pthread_t thread;
  void *woken;
  pthread_create(&thread, NULL, waker, &words[0]);
  SHOW(syscall(FUTEX_WAIT2, &words[0], 0UL, ALL, U32 | FUTEX_PRIVATE_FLAG, soon(), CLOCK_MONOTONIC));
  pthread_join(thread, &woken);
  say("woken %ld", (long)woken);
}

static void several(void) {
  struct futex_waitv waiters[3];
  memset(waiters, 0, sizeof waiters);
  for (int i = 0; i < 3; i++) waiters[i] = (struct futex_waitv){0, (uintptr_t)&words[i], U32 | FUTEX_PRIVATE_FLAG, 0};
  struct timespec past = {1, 0};
  SHOW(syscall(SYS_futex_waitv, waiters, 3, 0, &past, CLOCK_MONOTONIC));
  waiters[1].val = 1;
  SHOW(syscall(SYS_futex_waitv, waiters, 3, 0, &past, CLOCK_MONOTONIC));
  waiters[1].val = 0;
  SHOW(syscall(SYS_futex_waitv, waiters, 0, 0, &past, CLOCK_MONOTONIC));
  SHOW(syscall(SYS_futex_waitv, waiters, 129, 0, &past, CLOCK_MONOTONIC));
  SHOW(syscall(SYS_futex_waitv, waiters, 3, 1, &past, CLOCK_MONOTONIC));
  SHOW(syscall(SYS_futex_waitv, waiters, 3, 0, &past, 99));
  SHOW(syscall(SYS_futex_waitv, NULL, 3, 0, &past, CLOCK_MONOTONIC));
  SHOW(syscall(SYS_futex_waitv, bad_pointer(), 3, 0, &past, CLOCK_MONOTONIC));
  pthread_t thread;
  void *woken;
  pthread_create(&thread, NULL, waker, &words[2]);
  SHOW(syscall(SYS_futex_waitv, waiters, 3, 0, soon(), CLOCK_MONOTONIC));
  pthread_join(thread, &woken);
  say("woken %ld", (long)woken);
  SHOW(syscall(FUTEX_REQUEUE2, waiters, 0, 1, 1));
  waiters[0].val = 5;
  SHOW(syscall(FUTEX_REQUEUE2, waiters, 0, 1, 1));
  waiters[0].val = 0;
  SHOW(syscall(FUTEX_REQUEUE2, waiters, 1, 1, 1));
  SHOW(syscall(FUTEX_REQUEUE2, waiters, 0, -1, 1));
  SHOW(syscall(FUTEX_REQUEUE2, NULL, 0, 1, 1));
}

static void lists(void) {
  void *head = NULL;
  size_t size = 0;
  SHOW(syscall(SYS_get_robust_list, 0, &head, &size));
  say("libc has one: %d of %zu", head != NULL, size);
  static struct robust_list_head mine = {{&mine.list}, 0, NULL};
  SHOW(syscall(SYS_set_robust_list, &mine, sizeof mine));
  SHOW(syscall(SYS_get_robust_list, getpid(), &head, &size));
  say("ours: %d", head == &mine);
  SHOW(syscall(SYS_set_robust_list, &mine, 8));
  SHOW(syscall(SYS_get_robust_list, 4194303, &head, &size));
  SHOW(syscall(SYS_get_robust_list, 0, bad_pointer(), &size));
}

static void *clearing(void *) {
  say("a thread's id: %d", syscall(SYS_set_tid_address, &words[3]) == gettid());
  syscall(SYS_exit, 0);
  return NULL;
}

int main(void) {
  waking();
  several();
  say("set_tid_address: %d", syscall(SYS_set_tid_address, &words[2]) == getpid());
  words[3] = 1;
  pthread_t thread;
  pthread_create(&thread, NULL, clearing, NULL);
  for (int i = 0; i < 500 && *(volatile uint32_t *)&words[3]; i++) pause_ms(10);
  say("cleared at its end: %u", words[3]);
  IN_CHILD lists();
}
