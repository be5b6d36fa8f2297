#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

int main(void) {
  unsigned long numbers[2] = {0};
  if (getrandom(numbers, sizeof *numbers, 0) != sizeof *numbers || getentropy(numbers + 1, sizeof *numbers)) return 1;
  printf("%lx %lx\n", numbers[0], numbers[1]);
  return 0;
}
