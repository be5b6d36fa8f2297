#include <immintrin.h>
#include <stdio.h>

int main(void) {
  unsigned long long number = 0;
  while (!_rdrand64_step(&number)) continue;
  printf("%llu\n", number);
  return 0;
}
