// Numbers that no kernel answers any more, that none ever did, or that are not for 64 bits.
// calls: _sysctl afs_syscall create_module epoll_ctl_old epoll_wait_old get_kernel_syms get_thread_area getpmsg
// calls: lookup_dcookie nfsservctl putpmsg query_module security set_thread_area tuxcall uselib vserver
#include "observe.h"

int main(void) {
  SHOW(syscall(SYS__sysctl, bad_pointer()));
  SHOW(syscall(SYS_afs_syscall));
  SHOW(syscall(SYS_create_module, "module", 4096));
  SHOW(syscall(SYS_epoll_ctl_old));
  SHOW(syscall(SYS_epoll_wait_old));
  SHOW(syscall(SYS_get_kernel_syms, NULL));
  SHOW(syscall(SYS_get_thread_area, bad_pointer()));
  SHOW(syscall(SYS_getpmsg));
  SHOW(syscall(SYS_lookup_dcookie, 0UL, NULL, 0));
  SHOW(syscall(SYS_nfsservctl, 0, NULL, NULL));
  SHOW(syscall(SYS_putpmsg));
  SHOW(syscall(SYS_query_module, NULL, 0, NULL, 0, NULL));
  SHOW(syscall(SYS_security));
  SHOW(syscall(SYS_set_thread_area, bad_pointer()));
  SHOW(syscall(SYS_tuxcall));
  SHOW(syscall(SYS_uselib, "data/hello.txt"));
  SHOW(syscall(SYS_vserver));
  SHOW(syscall(334 + 3));
  SHOW(syscall(423));
  SHOW(syscall(511));
  SHOW(syscall(100000));
}
