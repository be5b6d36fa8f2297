#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>

enum { COUNT = 64 };
static int order[COUNT], next;

static void *work(void *number) {
  for (volatile int i = 0; i < 300000; i++) continue;
  order[__atomic_fetch_add(&next, 1, __ATOMIC_SEQ_CST)] = (int)(long)number;
  return NULL;
}

int main(void) {
  pthread_t threads[COUNT];
  for (long i = 0; i < COUNT; i++) pthread_create(threads + i, NULL, work, (void *)i);
  for (int i = 0; i < COUNT; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < COUNT; i++) printf("%d\n", order[i]);
  return 0;
}
