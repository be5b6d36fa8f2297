// Random calls with random arguments in several processes: pointers into mapped, unmapped and read-only pages, descriptors of every kind.
#include "attack.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

static uint64_t state;

static unsigned rnd(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(state >> 33);
}

static char *areas[6];

static long argument(void) {
  static const long edges[] = {0, 1, -1, 2, 7, 8, 16, 64, 255, 4096, 65536, 1 << 20, 0x7fffffff, 0x80000000l, LONG_MAX, LONG_MIN, -100, 0xffffffffl};
  static const char *paths[] = {"data/hello.txt", "data/dir", "data/link", "data/fifo", "fuzz", "fuzz/x", "/proc/self/fd", "/proc/self/exe", "/dev/null",
                                "/dev/ptmx", "/tmp/fuzz", ".", "..", "/", "", "data/loop1", "user.fuzz", "data/closed/inside", "/bin/true"};
  switch (rnd() % 8) {
  case 0: return edges[rnd() % (sizeof edges / sizeof *edges)];
  case 1: return rnd() % 40;
  case 2:
  case 3: return (long)paths[rnd() % (sizeof paths / sizeof *paths)];
  case 4: return (long)(areas[rnd() % 6] + rnd() % 4200);
  case 5: return 1l << (rnd() % 64);
  case 6: return (long)(((uint64_t)rnd() << 32) | rnd());
  default: return (long)areas[0];
  }
}

static bool is_harmless(int number) {
  switch (number) {
  // They end, stop or block the fuzzer itself, or take its time.
  case SYS_exit: case SYS_exit_group: case SYS_pause: case SYS_rt_sigreturn: case SYS_rt_sigsuspend: case SYS_rt_sigtimedwait: case SYS_vfork:
  case SYS_select: case SYS_poll: case SYS_ppoll: case SYS_pselect6: case SYS_epoll_wait: case SYS_epoll_pwait: case 441: case SYS_nanosleep:
  case SYS_clock_nanosleep: case SYS_wait4: case SYS_waitid: case SYS_futex: case 449: case 455: case SYS_munmap: case SYS_mmap: case SYS_mremap:
  case SYS_brk: case SYS_mprotect: case SYS_pkey_mprotect: case SYS_kill: case SYS_tkill: case SYS_tgkill: case SYS_sync: case SYS_syncfs: case SYS_fork:
  case SYS_arch_prctl: case SYS_rseq: case SYS_alarm: case SYS_setitimer: case SYS_fallocate: case SYS_ftruncate: case SYS_shmat: case SYS_clone:
  case SYS_madvise: case SYS_msgrcv: case SYS_msgsnd: case SYS_semop: case SYS_semtimedop: case SYS_mlockall: case SYS_set_tid_address: case 335: case 336:
  case SYS_personality: case SYS_sigaltstack: case SYS_ptrace: case SYS_seccomp: case SYS_prctl: case SYS_rt_sigprocmask: case SYS_rt_sigaction:
  case SYS_process_vm_writev: case 438 /* pidfd_getfd */: case SYS_remap_file_pages: case SYS_prlimit64: case SYS_setrlimit: case SYS_modify_ldt: case SYS_set_thread_area: return false;
  }
  return true;
}

static void fuzz(unsigned seed) {
  mprotect((void *)escapes, 4096, PROT_NONE); // not the verdict
  state = seed * 7919u + 1;
  areas[0] = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  areas[1] = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  areas[2] = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  areas[3] = areas[0] + 4096; // its end is at another mapping or at none
  int file = open("data/numbers.txt", O_RDONLY);
  areas[4] = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
  areas[5] = (char *)reads_secret; // code
  for (int i = 0; i < 8192; i++) areas[0][i] = (char)rnd();
  int pair[2];
  pipe2(pair, O_NONBLOCK);
  socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
  socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  open("data/dir", O_RDONLY | O_DIRECTORY);
  open("fuzz", O_CREAT | O_RDWR, 0644);
  open("/dev/null", O_PATH);
  epoll_create1(0);
  eventfd(0, EFD_NONBLOCK);
  inotify_init1(IN_NONBLOCK);
  for (int i = 0; i < 4000; i++) {
    int number = (int)(rnd() % 472);
    if (number > 336 && number < 424) number = (int)(rnd() % 336);
    if (!is_harmless(number)) continue;
    if (i % 16 == 0) {
      char name[32];
      snprintf(name, sizeof name, "fuzz-%u", rnd() % 20);
      memcpy(areas[0] + rnd() % 4000, name, sizeof name);
    }
    alarm(1);
    syscall(number, argument(), argument(), argument(), argument(), argument(), argument());
    if (i % 64 == 0) {
      // Whatever was closed.
      open("data/hello.txt", O_RDONLY);
      pipe2(pair, O_NONBLOCK);
    }
  }
  _exit(0);
}

int main(void) {
  const char *given_seed = getenv("UWRX_ATTACK_SEED");
  unsigned first = given_seed ? atoi(given_seed) : 1;
  for (double end = now() + 4 * patience(); now() < end; first += 4) {
    pid_t pids[4];
    for (unsigned i = 0; i < 4; i++) {
      pids[i] = fork();
      NEEDS(pids[i] >= 0);
      if (pids[i] == 0) {
        setpgid(0, 0);
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0), dup2(null, 1), dup2(null, 2);
        fuzz(first + i);
      }
    }
    for (unsigned i = 0; i < 4; i++) {
      int status;
      double give_up = now() + 5;
      while (waitpid(pids[i], &status, WNOHANG) == 0) {
        if (now() > give_up) kill(pids[i], SIGKILL);
        usleep(1000);
      }
      kill(-pids[i], SIGKILL);
    }
    chdir(given("ATTACK_WORK"));
  }
  IN_CHILD execl("/bin/true", "true", NULL);
  if (child_status) escaped("nothing runs any more: %#x", child_status);
  return verdict();
}
