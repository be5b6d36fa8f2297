// Makes a guest's thread make its call with other arguments (ptrace(2)). What answers a seccomp notification cannot change a register.
#include "CLinux.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

long uwrx_registers_begin(int thread, int listener, uint64_t call) {
  if (uwrx_notification_is_valid(listener, call)) return -ESRCH;
  if (ptrace(PTRACE_SEIZE, thread, NULL, NULL)) return -errno;
  // If the call still waits, the number was its thread's when it was seized. Asked before the interruption, which ends the wait on
  // kernels without SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV.
  long isStranger = uwrx_notification_is_valid(listener, call);
  // It waits for the answer to its call and stops after that, before its next instruction. If it has ended, the wait tells so.
  ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
  return isStranger ? 1 : 0;
}

#if defined(__x86_64__)
typedef struct user_regs_struct registers;

static void repeat(registers *r, long number, const uint64_t arguments[6]) {
  r->rip -= 2; // syscall
  r->rax = (unsigned long)number;
  // Else the kernel may take the stop for one in a call that it has to begin again.
  r->orig_rax = -1UL;
  r->rdi = arguments[0], r->rsi = arguments[1], r->rdx = arguments[2];
  r->r10 = arguments[3], r->r8 = arguments[4], r->r9 = arguments[5];
}
#elif defined(__aarch64__)
typedef struct user_regs_struct registers;

static void repeat(registers *r, long number, const uint64_t arguments[6]) {
  r->pc -= 4; // svc
  r->regs[8] = (unsigned long)number;
  for (int i = 0; i < 6; i++) r->regs[i] = arguments[i];
}
#endif

void uwrx_registers_repeat(int thread, long number, const uint64_t arguments[6]) {
  int status;
  pid_t result;
  while ((result = waitpid(thread, &status, __WALL)) < 0 && errno == EINTR) {}
  // Whoever was killed meanwhile is its parent's to wait for now.
  if (result < 0 || !WIFSTOPPED(status)) return;
  registers all;
  struct iovec place = {&all, sizeof all};
  if (number >= 0 && !ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &place)) {
    repeat(&all, number, arguments);
    ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &place);
  }
  // A signal that came first is delivered; that of a stop by PTRACE_INTERRUPT or of the whole group is none.
  long delivered = status >> 16 ? 0 : WSTOPSIG(status);
  if (ptrace(PTRACE_DETACH, thread, NULL, delivered) && errno == ESRCH) {
    // Killed in its stop: its end is told to who traced it first.
    while (waitpid(thread, &status, __WALL) < 0 && errno == EINTR) {}
  }
}
