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
  if (ptrace(PTRACE_SEIZE, thread, NULL, PTRACE_O_TRACESYSGOOD)) return -errno;
  // If the call still waits, the number was its thread's when it was seized. Asked before the interruption, which ends the wait on
  // kernels without SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV.
  long isStranger = uwrx_notification_is_valid(listener, call);
  // It waits for the answer to its call and stops after that, before its next instruction. If it has ended, the wait tells so.
  ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
  return isStranger ? 1 : 0;
}

#if defined(__x86_64__)
typedef struct user_regs_struct registers;

static void restore(registers *r, const uint64_t arguments[6]) {
  r->rdi = arguments[0], r->rsi = arguments[1], r->rdx = arguments[2];
  r->r10 = arguments[3], r->r8 = arguments[4], r->r9 = arguments[5];
}

static void repeat(registers *r, long number, const uint64_t arguments[6]) {
  r->rip -= 2; // syscall
  r->rax = (unsigned long)number;
  // Else the kernel may take the stop for one in a call that it has to begin again.
  r->orig_rax = -1UL;
  restore(r, arguments);
}
#elif defined(__aarch64__)
typedef struct user_regs_struct registers;

static void repeat(registers *r, long number, const uint64_t arguments[6]) {
  r->pc -= 4; // svc
  r->regs[8] = (unsigned long)number;
  for (int i = 0; i < 6; i++) r->regs[i] = arguments[i];
}

// The first holds the result.
static void restore(registers *r, const uint64_t arguments[6]) {
  for (int i = 1; i < 6; i++) r->regs[i] = arguments[i];
}
#endif

enum { SYSCALL_STOP = SIGTRAP | 0x80 };

// The status of the thread's next stop; -1 for who was killed meanwhile, and is its parent's to wait for now.
static int next_stop(int thread) {
  int status;
  pid_t result;
  while ((result = waitpid(thread, &status, __WALL)) < 0 && errno == EINTR) {}
  return result < 0 || !WIFSTOPPED(status) ? -1 : status;
}

// From a stop before its call to one after it, where the registers are again what they were: the kernel leaves them alone. Or to one for
// something else, which comes before the call.
static int make_call(int thread, int status, const uint64_t original[6]) {
  for (int is_in_call = 0; is_in_call < 2; is_in_call++) {
    if (ptrace(PTRACE_SYSCALL, thread, NULL, NULL)) return status;
    status = next_stop(thread);
    if (status < 0 || WSTOPSIG(status) != SYSCALL_STOP) return status;
  }
  registers all;
  struct iovec place = {&all, sizeof all};
  if (!ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &place)) {
    restore(&all, original);
    ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &place);
  }
  return status;
}

void uwrx_registers_repeat(int thread, long number, const uint64_t arguments[6], const uint64_t *original) {
  int status = next_stop(thread);
  if (status < 0) return;
  registers all;
  struct iovec place = {&all, sizeof all};
  if (number >= 0 && !ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &place)) {
    repeat(&all, number, arguments);
    int is_set = !ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &place);
    // A signal that came first, or a stop of the whole group, is not held up.
    int is_interruption = status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGTRAP;
    if (is_set && is_interruption && original) status = make_call(thread, status, original);
    if (status < 0) return;
  }
  // A signal that came first is delivered; that of a stop by PTRACE_INTERRUPT, for a call, or of the whole group is none.
  long delivered = status >> 16 || WSTOPSIG(status) == SYSCALL_STOP ? 0 : WSTOPSIG(status);
  if (ptrace(PTRACE_DETACH, thread, NULL, delivered) && errno == ESRCH) {
    // Killed in its stop: its end is told to who traced it first.
    while (waitpid(thread, &status, __WALL) < 0 && errno == EINTR) {}
  }
}
