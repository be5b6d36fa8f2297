// A program that filters itself: its filter comes on top of ours. Its own notifier is refused, see the differences.
// calls: prctl seccomp
#include "observe.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

static long install(int number, uint32_t action, unsigned flags) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof code[0], code};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

int main(void) {
  uint32_t action = SECCOMP_RET_ERRNO;
  SHOW(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
  action = 12345;
  SHOW(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
  SHOW(syscall(SYS_seccomp, 99, 0, NULL));
  SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  IN_CHILD {
    SHOW(install(SYS_getsid, SECCOMP_RET_ERRNO | EXDEV, 0));
    SHOW(getsid(0));
    SHOW(access("data/hello.txt", F_OK));
    SHOW(install(SYS_access, SECCOMP_RET_ERRNO | EILSEQ, 0));
    SHOW(access("data/hello.txt", F_OK));
    SHOW(open("data/hello.txt", O_RDONLY));
    IN_CHILD SHOW(access("data/hello.txt", F_OK));
    IN_CHILD execl("/bin/cat", "cat", "data/hello.txt", NULL);
  }
  IN_CHILD {
    SHOW(install(SYS_getsid, SECCOMP_RET_KILL_PROCESS, 0));
    getsid(0);
  }
  IN_CHILD {
    SHOW(install(SYS_getsid, SECCOMP_RET_TRAP, 0));
    getsid(0);
  }
  IN_CHILD {
    SHOW(install(SYS_mkdir, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER) < 0 ? -1 : 0);
  }
}
