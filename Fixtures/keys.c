// Key rings, which are of the user and not of a process tree.
// calls: add_key keyctl request_key
#include "observe.h"

int main(void) {
  SHOW(syscall(SYS_add_key, "missing type", "a key", "x", 1, -3));
  SHOW(syscall(SYS_add_key, "user", "a key", "x", 1, 99));
  SHOW(syscall(SYS_request_key, "user", "uwrx: no such key", NULL, 0));
  SHOW(syscall(SYS_keyctl, 0, 12345, 0));
  SHOW(syscall(SYS_keyctl, 9999));
}
