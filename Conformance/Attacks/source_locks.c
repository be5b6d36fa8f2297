// Locks files and directories of a source by every descriptor of them that it can get, so that the host's programs would wait for it.
// natively: escapes
// alone: tried natively it holds the ld.so.cache of the machine, which is a canary of the attack beside it, too
#include "attack.h"
#include <sys/file.h>

static const char *const targets[] = {"data/hello.txt", "data/numbers.txt", "data/hard1", "data/script.sh", "data/secret", "data/dir", "data", "."};

// The driver tries a few times a second to lock each file of the source.
static void hold(void) { usleep(50000); }

static void lock_all_ways(int fd) {
  struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
  flock(fd, LOCK_EX | LOCK_NB);
  fcntl(fd, F_SETLK, &whole);
  hold();
  whole.l_type = F_UNLCK;
  fcntl(fd, F_SETLK, &whole);
  whole.l_type = F_RDLCK;
  fcntl(fd, F_OFD_SETLK, &whole);
  // A lease would keep a writer of the host's waiting.
  fcntl(fd, F_SETLEASE, F_RDLCK);
  hold();
  fcntl(fd, F_SETLEASE, F_UNLCK);
}

static void lock_reopened(int fd) {
  static const char *const forms[] = {"/proc/self/fd/%d", "/dev/fd/%d", "/proc/thread-self/fd/%d"};
  for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
    char path[64];
    snprintf(path, sizeof path, forms[i], fd);
    int again = open(path, O_RDONLY);
    if (again < 0) continue;
    lock_all_ways(again);
    close(again);
  }
}

static volatile bool stop;
static volatile int slot;

// The number is that of an own file when the lock is asked for, and that of the source's when the kernel looks.
static void *exchange(void *unused) {
  int own = open("data/own", O_RDWR | O_CREAT, 0644), source = open("data/numbers.txt", O_RDONLY);
  while (!stop) {
    dup2(own, slot);
    dup2(source, slot);
  }
  return unused;
}

int main(void) {
  for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++) {
    int fd = open(targets[i], O_RDONLY);
    if (fd < 0) continue;
    lock_all_ways(fd);
    lock_reopened(fd);
    close(fd);
    int path = open(targets[i], O_PATH);
    lock_all_ways(path);
    lock_reopened(path);
    close(path);
  }
  // What runs, and what is mapped: the program's own file, and a library.
  int self = open("/proc/self/exe", O_RDONLY);
  lock_all_ways(self);
  int library = open("/etc/ld.so.cache", O_RDONLY);
  void *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, library, 0);
  lock_all_ways(library);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", (long)mapped, (long)mapped + 4096);
  lock_all_ways(open(path, O_RDONLY));

  slot = open("data/own", O_RDWR | O_CREAT, 0644);
  pthread_t thread;
  NEEDS(slot >= 0 && pthread_create(&thread, NULL, exchange, NULL) == 0);
  for (double end = now() + patience(); now() < end;) lock_all_ways(slot);
  stop = true;
  pthread_join(thread, NULL);

  // Copied up while it is locked.
  int before = open("data/hello.txt", O_RDONLY);
  flock(before, LOCK_EX);
  int after = open("data/hello.txt", O_RDWR);
  flock(after, LOCK_EX | LOCK_NB);
  hold();
  return verdict();
}
