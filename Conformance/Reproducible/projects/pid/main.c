#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>

int main(void) {
  printf("%d %d %d %d\n", getpid(), getppid(), gettid(), getpgrp());
  return 0;
}
