// Memory protection keys. Whether the processor has them is the machine's own: without them there is no key.
// calls: pkey_alloc pkey_free pkey_mprotect
#include "observe.h"

int main(void) {
  char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  SHOW(syscall(SYS_pkey_alloc, 1, 0));
  SHOW(syscall(SYS_pkey_alloc, 0, 4));
  long key = SHOW(syscall(SYS_pkey_alloc, 0, 0));
  SHOW(syscall(SYS_pkey_mprotect, memory, 4096, PROT_READ, -1));
  SHOW(syscall(SYS_pkey_mprotect, memory, 4096, PROT_READ | PROT_WRITE, key));
  SHOW(syscall(SYS_pkey_mprotect, memory, 4096, PROT_READ, 15));
  SHOW(syscall(SYS_pkey_mprotect, memory + 1, 4096, PROT_READ, -1));
  SHOW(syscall(SYS_pkey_mprotect, memory, 4096, PROT_READ, 99));
  IN_CHILD {
    long denying = syscall(SYS_pkey_alloc, 0, 1);
    SHOW(syscall(SYS_pkey_mprotect, memory + 4096, 4096, PROT_READ | PROT_WRITE, denying));
    say("an access: %d", ((volatile char *)memory)[4096]);
  }
  SHOW(syscall(SYS_pkey_free, key));
  SHOW(syscall(SYS_pkey_free, key));
  SHOW(syscall(SYS_pkey_free, -1));
  SHOW(syscall(SYS_pkey_free, 99));
}
