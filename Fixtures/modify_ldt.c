// The caller's own segments, and the input and output ports that only a privileged one reaches.
// calls: ioperm iopl modify_ldt
#include "unprivileged.h"
#include <asm/ldt.h>

int main(void) {
  char table[64];
  struct user_desc segment = {.entry_number = 1, .base_addr = 0x1000, .limit = 0xfff, .seg_32bit = 1, .useable = 1};
  SHOW((int)syscall(SYS_modify_ldt, 0, table, sizeof table));
  SHOW((int)syscall(SYS_modify_ldt, 1, &segment, sizeof segment));
  SHOW((int)syscall(SYS_modify_ldt, 0, table, sizeof table));
  SHOW((int)syscall(SYS_modify_ldt, 17, &segment, sizeof segment));
  SHOW((int)syscall(SYS_modify_ldt, 1, &segment, 4));
  SHOW((int)syscall(SYS_modify_ldt, 99, &segment, sizeof segment));
  drop_privilege();
  SHOW(syscall(SYS_iopl, 3));
  SHOW(syscall(SYS_iopl, 4));
  SHOW(syscall(SYS_ioperm, 0x80, 1, 1));
}
