// Gates whose arguments are registers or structures: namespaces by clone and unshare, rt_sigaction on memory that comes and goes, umask, prctl.
#include "attack.h"

static char *page;

static void *come_and_go(void *argument) {
  volatile bool *stop = argument;
  while (!*stop) {
    mprotect(page, 4096, PROT_NONE);
    mprotect(page, 4096, PROT_READ);
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
    mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }
  return NULL;
}

static int idle(void *argument) {
  (void)argument;
  return 0;
}

static void handler(int signal) { (void)signal; }

int main(void) {
  static const unsigned long namespaces[] = {0x00020000, 0x02000000, 0x04000000, 0x08000000,
                                             0x10000000, 0x20000000, 0x40000000, 0x80};
  char *stack = malloc(65536);
  for (unsigned i = 0; i < 8; i++)
    for (int with = 0; with < 4; with++) {
      unsigned long flags = namespaces[i] | (with & 1 ? 0x00000200 : 0) | (with & 2 ? 0xdeadbeef00000000 : 0);
      IN_CHILD if (syscall(SYS_unshare, flags) == 0) escaped("unshare(%#lx)", flags);
      if (namespaces[i] == 0x80) continue; // of clone's flags it is the exit signal's
      IN_CHILD {
        long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
        if (pid >= 0) escaped("clone(%#lx)", flags);
        if (pid == 0) _exit(0);
      }
      IN_CHILD if (clone(idle, stack + 65536, (int)flags | SIGCHLD, NULL) >= 0) escaped("clone(%#lx) in libc", flags);
    }
  uint64_t arguments[11] = {0x10000000, [4] = SIGCHLD};
  for (size_t size = 0; size <= sizeof arguments; size += 8) {
    long pid = syscall(SYS_clone3, arguments, size);
    if (pid == 0) _exit(0);
    if (pid > 0) escaped("clone3 with a user namespace");
  }

  // The supervisor writes SA_RESTART into the caller's structure: never where the caller itself could not.
  page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int file = open("data/hello.txt", O_RDONLY);
  char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
  NEEDS(page != MAP_FAILED && shared != MAP_FAILED);
  syscall(SYS_rt_sigaction, SIGCHLD, shared, NULL, 8);
  if (memcmp(shared, "hello, world\n", 13)) escaped("rt_sigaction changed a file that is mapped read-only");
  volatile bool stop = false;
  pthread_t thread;
  pthread_create(&thread, NULL, come_and_go, (void *)&stop);
  for (double end = now() + patience(); now() < end;) {
    struct kernel_action {
      void (*handler)(int);
      unsigned long flags;
      void (*restorer)(void);
      unsigned long mask;
    } action = {handler, 0x04000000, NULL, 0};
    // Across the page's end, and within it.
    process_vm_writev(getpid(), &(struct iovec){&action, sizeof action}, 1, &(struct iovec){page + 4060, sizeof action}, 1, 0);
    syscall(SYS_rt_sigaction, SIGCHLD, page + 4060, NULL, 8);
    syscall(SYS_rt_sigaction, SIGCHLD, page, page, 8);
  }
  stop = true;
  pthread_join(thread, NULL);
  signal(SIGCHLD, SIG_DFL);

  umask(~0);
  umask(022);
  for (int option = 0; option < 100; option++) IN_CHILD {
    prctl(option, -1, -1, -1, -1);
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 && option != PR_GET_NO_NEW_PRIVS) escaped("no_new_privs is off after prctl(%d)", option);
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 0, 0) > 0) escaped("an ambient capability after prctl(%d)", option);
  }
  return verdict();
}
