#include <stdio.h>
#include <stdlib.h>

int main(void) {
  int local = 0;
  printf("%p %p %p %p %p\n", (void *)&local, malloc(10), malloc(1 << 20), (void *)main, (void *)puts);
  return 0;
}
