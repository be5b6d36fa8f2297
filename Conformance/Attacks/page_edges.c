// Strings without an end at a page's end, pages that another thread unmaps during the call, addresses of the kernel, memory of files that shrink.
#include "attack.h"
#include <linux/openat2.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

static char *page;

static void *unmap(void *argument) {
  volatile bool *stop = argument;
  for (unsigned i = 0; !*stop; i++) {
    switch (i % 4) {
    case 0: mprotect(page, 4096, PROT_NONE); break;
    case 1: munmap(page, 4096); break;
    case 2: madvise(page - 4096, 4096, MADV_DONTNEED); break;
    case 3: break;
    }
    for (volatile unsigned wait = i % 500; wait; wait--) {
    }
    mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(page - 64, 'x', 128);
  }
  return NULL;
}

static void calls(char *address) {
  struct stat st;
  char buffer[64];
  stat(address, &st);
  close(open(address, O_RDONLY));
  syscall(SYS_openat2, AT_FDCWD, "data/hello.txt", address, sizeof(struct open_how));
  syscall(SYS_openat2, AT_FDCWD, "data/hello.txt", address, 4096);
  stat("data/hello.txt", (struct stat *)address);
  syscall(SYS_statx, AT_FDCWD, "data/hello.txt", 0, 0xfff, address);
  readlink("data/link", address, 4096);
  readlink(address, buffer, sizeof buffer);
  getxattr("data/dir/a", "user.lower", address, 4096);
  getxattr("data/dir/a", address, buffer, sizeof buffer);
  setxattr("data/new", "user.x", address, 4096, 0);
  setxattr("data/new", "user.x", address, 65536, 0);
  listxattr("data/dir/a", address, 4096);
  int fd = open("data", O_RDONLY | O_DIRECTORY);
  syscall(SYS_getdents64, fd, address, 4096);
  close(fd);
  rename(address, "data/a");
  rename("data/a", address);
  link("data/hello.txt", address);
  symlink(address, "data/s");
  symlink("data/s", address);
  mkdir(address, 0755);
  unlink(address);
  if (chdir(address) == 0) chdir(given("ATTACK_WORK"));
  execve(address, (char *[]){"x", NULL}, NULL);
  execve("/nonexistent", (char **)address, (char **)address);
  utimensat(AT_FDCWD, "data/new", (struct timespec *)address, 0);
  statfs("/", (void *)address);
  connect(3, (void *)address, 110);
  bind(3, (void *)address, 110);
  bind(3, (void *)address, 0xffffffff);
  syscall(SYS_rt_sigaction, SIGCHLD, address, address, 8);
  syscall(SYS_getrandom, address, 4096, 0);
  syscall(SYS_prlimit64, 0, 7, NULL, address);
  syscall(SYS_set_robust_list, address, 24);
  syscall(SYS_inotify_add_watch, 3, address, 0xfff);
  syscall(SYS_clone3, address, 88);
}

int main(void) {
  close(open("data/new", O_CREAT | O_WRONLY, 0644));
  char *region = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEEDS(region != MAP_FAILED && munmap(region + 8192, 4096) == 0);
  memset(region, 'x', 8192);
  NEEDS(socket(AF_UNIX, SOCK_STREAM, 0) == 3);
  // Every distance from the end of what is mapped.
  for (int distance = 1; distance < 300; distance += distance < 24 ? 1 : 23) {
    calls(region + 8192 - distance);
    region[8191] = 0;
    calls(region + 8192 - distance);
    region[8191] = 'x';
  }
  // 4096 bytes without an end, all mapped; nothing at all; the kernel's addresses; beyond the address space.
  calls(region);
  char *odd[] = {NULL, (char *)1, (char *)0x7ffffffff000, (char *)0x7fffffffffff, (char *)0x800000000000, (char *)0xffff800000000000,
                 (char *)0xffffffff81000000, (char *)0xfffffffffffff000, (char *)-1, (char *)-4095, (char *)0xffffffffff600000};
  for (unsigned i = 0; i < sizeof odd / sizeof *odd; i++) calls(odd[i]);
  // The memory of a file that has become shorter is there, and is SIGBUS.
  int file = open("shrinks", O_CREAT | O_RDWR, 0644);
  ftruncate(file, 8192);
  char *mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ftruncate(file, 0);
  calls(mapped);
  calls(mapped + 4095);
  ftruncate(file, 4096);
  calls(mapped + 4090);
  // Read-only and execute-only memory must not be written to by the supervisor.
  char *fixed = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  calls(fixed);
  for (int i = 0; i < 4096; i++)
    if (fixed[i]) escaped("memory that is read-only was written to at %d", i), i = 4096;
  int lower = open("data/numbers.txt", O_RDONLY);
  char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, lower, 0);
  calls(shared);
  if (memcmp(shared, "line 0000\n", 10)) escaped("a file was written to through its mapping");
  // Memory that no other process can read: what is in it cannot be judged, so it must not be let through.
  int secret = (int)syscall(SYS_memfd_secret, 0);
  if (secret >= 0) {
    ftruncate(secret, 4096);
    char *hidden = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, secret, 0);
    NEEDS(hidden != MAP_FAILED);
    strcpy(hidden, "/bin/true");
    calls(hidden);
    struct stat st;
    if (stat(hidden, &st) == 0) escaped("a path in secret memory was read");
    execve(hidden, (char *[]){"x", NULL}, NULL);
  }
  page = region + 4096;
  volatile bool stop = false;
  pthread_t thread;
  NEEDS(pthread_create(&thread, NULL, unmap, (void *)&stop) == 0);
  for (double end = now() + patience(); now() < end;) {
    calls(page - 2);
    calls(page + 4094);
  }
  stop = true;
  pthread_join(thread, NULL);
  return verdict();
}
