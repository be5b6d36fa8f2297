// Landlock: a process that forbids itself files. Answered as where it was switched off at boot.
// calls: landlock_add_rule landlock_create_ruleset landlock_restrict_self
#include "observe.h"

int main(void) {
  CHECK(syscall(SYS_landlock_create_ruleset, NULL, 0, 1));
  uint64_t handled[3] = {1 << 2, 0, 0};
  SHOW(syscall(SYS_landlock_create_ruleset, handled, 8, 0));
  SHOW(syscall(SYS_landlock_add_rule, -1, 1, handled, 0));
  SHOW(syscall(SYS_landlock_restrict_self, -1, 0));
}
