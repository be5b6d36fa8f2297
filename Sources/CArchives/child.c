// The child that reads archives: C libraries parse bytes of strangers there, and all that it may do is compute, read the archive
// and answer.
#include "CArchives.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// What malloc, the decompressors and an answer need. Nothing here takes a path, another process or another socket.
static const int allowed[] = {
    SYS_read,          SYS_pread64,        SYS_write,         SYS_sendto,       SYS_recvfrom,   SYS_lseek,
    SYS_fstat,         SYS_close,          SYS_brk,           SYS_mmap,         SYS_munmap,     SYS_mremap,
    SYS_madvise,       SYS_futex,          SYS_clock_gettime, SYS_getrandom,    SYS_exit_group, SYS_exit,
    SYS_rt_sigprocmask, SYS_rt_sigreturn,  SYS_rt_sigaction,  SYS_sched_yield,  SYS_getpid,     SYS_gettid,     SYS_mprotect,
    SYS_restart_syscall,
};
enum { COUNT = sizeof allowed / sizeof *allowed };

#ifdef __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

int uwrx_reader_confine(void) {
  struct sock_filter filter[5 + 2 * COUNT + 3];
  int n = 0;
#define STATEMENT(code, k) filter[n++] = (struct sock_filter)BPF_STMT(code, k)
#define JUMP(code, k, yes, no) filter[n++] = (struct sock_filter)BPF_JUMP(code, k, yes, no)
  STATEMENT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
  JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
  STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  STATEMENT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (int i = 0; i < COUNT; i++) {
    JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
    STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  // The loader's and malloc's attempts at what they can do without.
  STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  struct sock_fprog program = {.len = (unsigned short)n, .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -errno;
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) ? -errno : 0;
}

static void limit(int resource, rlim_t value) {
  struct rlimit now;
  if (getrlimit(resource, &now)) _exit(125);
  if (value < now.rlim_max) now.rlim_max = value;
  now.rlim_cur = now.rlim_max;
  if (setrlimit(resource, &now)) _exit(125);
}

// Bytes that RLIMIT_DATA counts already: a forked child has all that its parent had, which may be more than a reader is given.
// The sixth number of proc(5)'s statm, in pages.
static rlim_t data_now(void) {
  char text[256];
  int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length < 0 ? 0 : length] = 0;
  char *next = text;
  for (int i = 0; i < 5; i++) strtoul(next, &next, 10);
  return (rlim_t)strtoul(next, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void keep_only(int a, int b) {
  int low = a < b ? a : b, high = a < b ? b : a;
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) _exit(125);
  for (int i = 0; i < 3; i++) dup2(null, i);
  if (low > 3) syscall(SYS_close_range, 3, low - 1, 0);
  if (high > low + 1) syscall(SYS_close_range, low + 1, high - 1, 0);
  syscall(SYS_close_range, high + 1, ~0U, 0);
}

int uwrx_reader_start(int file, size_t memory, void (*serve)(int socket, void *context), void *context, int *socket) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return -errno;
  pid_t parent = getpid();
  pid_t child = fork();
  if (child < 0) {
    int error = errno;
    close(pair[0]), close(pair[1]);
    return -error;
  }
  if (child) {
    close(pair[1]);
    *socket = pair[0];
    return child;
  }
  // The terminal's signals are for the guest.
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(125);
  prctl(PR_SET_DUMPABLE, 0);
  for (int signal = 1; signal < 32; signal++)
    if (signal != SIGKILL && signal != SIGSTOP) sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
  keep_only(pair[1], file);
  limit(RLIMIT_DATA, data_now() + memory), limit(RLIMIT_CORE, 0), limit(RLIMIT_FSIZE, 0), limit(RLIMIT_NPROC, 0);
  serve(pair[1], context);
  _exit(0);
}
