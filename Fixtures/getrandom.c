// getrandom: sizes, flags, and that it is not always the same.
// calls: getrandom
#include "observe.h"
#include <sys/auxv.h>
#include <sys/random.h>

int main(void) {
  static unsigned char one[100000], two[100000];
  SHOW(getrandom(one, 16, 0));
  SHOW(getrandom(two, 16, 0));
  say("different %d", memcmp(one, two, 16) != 0);
  SHOW(getrandom(one, 256, GRND_NONBLOCK));
  SHOW(getrandom(one, 257, GRND_RANDOM));
  SHOW(getrandom(one, sizeof one, 0));
  SHOW(getrandom(one, 0, 0));
  SHOW(getrandom(one, 16, GRND_INSECURE));
  SHOW(getrandom(one, 16, GRND_INSECURE | GRND_RANDOM));
  SHOW(getrandom(one, 16, 0x100));
  SHOW(syscall(SYS_getrandom, bad_pointer(), 16, 0));
  memset(one, 0, sizeof one);
  SHOW(getrandom(one, sizeof one, 0));
  int counts[256] = {0}, missing = 0;
  for (size_t i = 0; i < sizeof one; i++) counts[one[i]]++;
  for (int i = 0; i < 256; i++) missing += counts[i] == 0;
  say("byte values that never came %d", missing);
  // A buffer that ends in unmapped memory is filled as far as it goes.
  char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(pages + 4096, 4096);
  SHOW(getrandom(pages + 4096 - 100, 100, 0));
  SHOW(syscall(SYS_getrandom, pages + 4096 - 100, 200, 0));
  int pipes[2];
  QUIET(pipe(pipes));
  IN_CHILD {
    QUIET(getrandom(one, 16, 0));
    QUIET(write(pipes[1], one, 16));
  }
  QUIET(getrandom(one, 16, 0));
  QUIET(read(pipes[0], two, 16));
  say("parent and child differ %d", memcmp(one, two, 16) != 0);
  unsigned char *seed = (unsigned char *)getauxval(AT_RANDOM);
  int zero = 0;
  for (int i = 0; i < 16; i++) zero += seed[i] == 0;
  say("AT_RANDOM is there %d", zero < 8);
  SHOW(getentropy(one, 256));
  SHOW(syscall(SYS_getrandom, one, 300, 0));
}
