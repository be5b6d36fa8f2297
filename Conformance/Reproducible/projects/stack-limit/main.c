#include <stdio.h>
#include <stdlib.h>

int main(void) {
  printf("%p %p\n", malloc(1 << 20), (void *)puts);
  return 0;
}
