#include <stdio.h>
#include <sys/auxv.h>

int main(void) {
  const unsigned long *bytes = (const void *)getauxval(AT_RANDOM);
  printf("%lx %lx\n", bytes[0], bytes[1]);
  return 0;
}
