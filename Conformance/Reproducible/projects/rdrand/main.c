#include <cpuid.h>
#include <immintrin.h>
#include <stdio.h>

int main(void) {
  unsigned a, b, c = 0, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_RDRND)) return 77;
  unsigned long long number = 0;
  while (!_rdrand64_step(&number)) continue;
  printf("%llu\n", number);
  return 0;
}
