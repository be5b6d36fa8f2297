// process_vm_readv, process_vm_writev, /proc/<pid>/mem, kcmp, get_robust_list: one process looks into another.
// calls: kcmp process_vm_readv process_vm_writev
#include "observe.h"
#include <linux/kcmp.h>
#include <sys/uio.h>

static char data[64] = "the parent's";

int main(void) {
  int ready[2], go[2];
  char byte;
  QUIET(pipe(ready));
  QUIET(pipe(go));
  int same = QUIET(open("data/hello.txt", O_RDONLY));
  pid_t pid = fork();
  if (pid == 0) {
    strcpy(data, "the child's");
    QUIET(write(ready[1], "r", 1));
    QUIET(read(go[0], &byte, 1));
    _exit(strcmp(data, "written") ? 1 : 0);
  }
  QUIET(read(ready[0], &byte, 1));
  char text[64] = "";
  struct iovec here = {text, sizeof text}, there = {data, sizeof data};
  SHOW(process_vm_readv(pid, &here, 1, &there, 1, 0));
  say("%s", text);
  struct iovec bad = {bad_pointer(), 10};
  SHOW(process_vm_readv(pid, &here, 1, &bad, 1, 0));
  struct iovec two[2] = {{data, 3}, {bad_pointer(), 10}};
  SHOW(process_vm_readv(pid, &here, 1, two, 2, 0));
  SHOW(process_vm_readv(pid, &here, 1, &there, 1, 1));
  SHOW(process_vm_readv(1 << 28, &here, 1, &there, 1, 0));
  struct iovec from = {"written", 8};
  SHOW(process_vm_writev(pid, &from, 1, &there, 1, 0));
  SHOW(process_vm_readv(pid, &here, 1, &there, 1, 0));
  say("%s, ours %s", text, data);

  say("-- our own /proc/self/mem");
  int fd = SHOW(open("/proc/self/mem", O_RDWR));
  SHOW(pread(fd, text, 5, (off_t)(uintptr_t)data));
  say("%s", quote(text, 5));
  SHOW(pwrite(fd, "THE", 3, (off_t)(uintptr_t)data));
  say("%s", data);
  SHOW(pread(fd, text, 5, 8));

  say("-- kcmp");
  int copy = dup(same), other = open("data/hello.txt", O_RDONLY);
  SHOW(syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, same, copy));
  SHOW(syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, same, other) > 0);
  SHOW(syscall(SYS_kcmp, getpid(), pid, KCMP_FILE, same, same));
  SHOW(syscall(SYS_kcmp, getpid(), pid, KCMP_VM, 0, 0) > 0);
  SHOW(syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, same, 99));
  QUIET(write(go[1], "g", 1));
  wait_for("child", pid);
}
