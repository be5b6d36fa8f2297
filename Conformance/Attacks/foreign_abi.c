// Calls past the filter: int 0x80, the 32-bit code segment, x32, numbers with high bits set, the vsyscall page.
// flags: -no-pie
#include "attack.h"

static long call_int80(long number, long a, long b) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(0) : "memory", "r8", "r9", "r10", "r11");
  return result;
}

// `how` ran a call that the filter should have seen; -38 (ENOSYS) is what a kernel without that entry says.
static void judge(const char *how, long result) {
  if (result != -1 && result != -ENOSYS && result != -EFAULT) escaped("%s answered %ld", how, result);
}

int main(void) {
  // getpid, and open of a file with a path that fits in 32 bits: -no-pie puts it there.
  static char path[] = "/proc/self/environ";
  IN_CHILD judge("int 0x80 getpid", call_int80(20, 0, 0));
  if (WIFSIGNALED(child_status) && WTERMSIG(child_status) == SIGKILL) broken("killed by somebody");
  IN_CHILD judge("int 0x80 open", call_int80(5, (long)path, 0));
  IN_CHILD judge("int 0x80 socketcall", call_int80(102, 1, (long)path));

  // Far return to the 32-bit code segment, which runs getpid there.
  IN_CHILD {
    unsigned char *code = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    NEEDS(code != MAP_FAILED);
    // mov $20, %eax; int $0x80; mov %eax, 0x100(code); hlt
    unsigned char program[] = {0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xa3, 0, 0, 0, 0, 0xf4};
    uint32_t cell = (uint32_t)(uintptr_t)code + 0x100;
    memcpy(program + 8, &cell, 4);
    memcpy(code, program, sizeof program);
    volatile int32_t *answer = (int32_t *)(code + 0x100);
    *answer = -1;
    pid_t pid = fork();
    if (pid == 0) {
      __asm__ volatile("pushq $0x23\n pushq %0\n lretq" : : "r"((unsigned long)code) : "memory");
      _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
  }

  // The bit that makes a call x32's, with every number that reaches for something.
  for (int number = 0; number < 548; number++) {
    if (number == 336) number = 512; // where the calls begin that are x32's own
    IN_CHILD {
      alarm(2);
      long result = syscall(0x40000000 | number, 0, 0, 0, 0, 0, 0);
      if (!(result == -1 && errno == ENOSYS)) escaped("x32 call %d answered %ld", number, result);
    }
  }
  IN_CHILD judge("x32 getpid", syscall(0x40000000 | SYS_getpid));
  IN_CHILD judge("x32 open", syscall(0x40000000 | SYS_open, path, 0));

  // The kernel takes the number from 32 bits of the register; so does the filter.
  static const int refused[] = {SYS_mount, SYS_unshare, SYS_io_uring_setup, SYS_bpf, SYS_setns, SYS_pivot_root};
  for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++) {
    // unshare(CLONE_NEWUTS), mount("data", "data", ...): would succeed in a namespace of ours.
    long number = (long)(0xffffffff00000000 | (unsigned)refused[i]);
    long result = syscall(number, i == 1 ? 0x04000000L : (long)"data", "data", "none", 0, 0);
    if (result >= 0) escaped("number %#lx", number);
  }
  typedef long vsyscall_time(long *);
  IN_CHILD ((vsyscall_time *)0xffffffffff600400)(NULL); // ends in SIGSEGV where there is none
  return verdict();
}
