// options: --seed 1 --process-numbers
// Looks for a second copy of anybody's random numbers: by every name of the devices, in processes that are as equal as can be, in threads, and
// where several read one descriptor at a time.
#include "attack.h"

enum { WORDS = 1 << 20 };
static uint64_t *seen; // shared: each number that somebody drew
static volatile unsigned *used;

static void note(const void *bytes, size_t size) {
  for (size_t i = 0; i + 8 <= size; i += 8) {
    unsigned index = __atomic_fetch_add((unsigned *)used, 1, __ATOMIC_RELAXED);
    if (index < WORDS) memcpy(&seen[index], (const char *)bytes + i, 8);
  }
}

static void draw(void) {
  char bytes[64];
  if (syscall(SYS_getrandom, bytes, sizeof bytes, 0) == sizeof bytes) note(bytes, sizeof bytes);
}

static void drain(const char *path) {
  char bytes[64];
  int fd = open(path, O_RDONLY);
  if (fd < 0) return;
  for (int i = 0; i < 4; i++)
    if (read(fd, bytes, sizeof bytes) == sizeof bytes) note(bytes, sizeof bytes);
  int copy = dup(fd);
  for (int i = 0; i < 2; i++) {
    char alias[64];
    snprintf(alias, sizeof alias, i ? "/proc/self/fd/%d" : "/dev/fd/%d", copy);
    int again = open(alias, O_RDONLY);
    if (again >= 0 && read(again, bytes, sizeof bytes) == sizeof bytes) note(bytes, sizeof bytes);
    close(again);
  }
  if (pread(fd, bytes, sizeof bytes, 0) == sizeof bytes) note(bytes, sizeof bytes);
  if (pread(copy, bytes, sizeof bytes, 0) == sizeof bytes) note(bytes, sizeof bytes);
  close(fd), close(copy);
}

static void *in_thread(void *argument) {
  int fd = *(int *)argument;
  char bytes[64];
  for (int i = 0; i < 200; i++) {
    draw();
    if (read(fd, bytes, sizeof bytes) == sizeof bytes) note(bytes, sizeof bytes);
  }
  return NULL;
}

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

int main(int count, char **arguments) {
  if (count > 1) { // equal programs, in which nothing but their order differs
    seen = mmap(NULL, WORDS * 8L, PROT_READ | PROT_WRITE, MAP_SHARED, 9, 0);
    NEEDS(seen != MAP_FAILED);
    used = (unsigned *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 8, 0);
    draw();
    drain("/dev/urandom");
    return 0;
  }
  int data = memfd_create("seen", 0), counter = memfd_create("used", 0);
  NEEDS(ftruncate(data, WORDS * 8L) == 0 && ftruncate(counter, 4096) == 0);
  NEEDS(dup2(data, 9) == 9 && dup2(counter, 8) == 8);
  seen = mmap(NULL, WORDS * 8L, PROT_READ | PROT_WRITE, MAP_SHARED, 9, 0);
  used = (unsigned *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 8, 0);
  NEEDS(seen != MAP_FAILED);
  mkdir("names", 0755);
  symlink("/dev/urandom", "names/link");
  link("/dev/urandom", "names/second");
  mknod("names/node", S_IFCHR | 0666, 1 << 8 | 9);
  static const char *const names[] = {"/dev/urandom", "/dev/random", "/dev/./urandom", "/dev/../dev/random", "names/link", "names/second",
                                      "names/node", "/proc/self/root/dev/urandom", "/proc/thread-self/root/dev/random"};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) drain(names[i]);
  // All at once: children that only fork, children of vfork, the same program again and again.
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < 8; i++)
      if (!fork()) {
        draw();
        drain(names[i & 1]);
        if (!fork()) draw();
        if (i & 1) execl("/proc/self/exe", arguments[0], "again", NULL);
        _exit(0);
      }
    if (!vfork()) execl("/proc/self/exe", arguments[0], "again", NULL), _exit(1);
    while (wait(NULL) > 0) {}
  }
  // One descriptor, many readers.
  int fd = open("/dev/urandom", O_RDONLY);
  pthread_t threads[4];
  for (int i = 0; i < 3; i++)
    if (!fork()) in_thread(&fd), _exit(0);
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, in_thread, &fd);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  while (wait(NULL) > 0) {}
  unsigned total = *used < WORDS ? *used : WORDS;
  NEEDS(total > 10000);
  qsort(seen, total, 8, compare);
  for (unsigned i = 1; i < total; i++)
    if (seen[i] == seen[i - 1]) escaped("%#llx was drawn twice", (unsigned long long)seen[i]);
  // One who writes into the device, or asks for its counters, changes nobody's.
  int writer = open("/dev/urandom", O_RDWR);
  write(writer, "known", 5);
  for (unsigned long request = 0x5200; request < 0x5210; request++)
    for (unsigned kind = 0; kind < 4; kind++) syscall(SYS_ioctl, writer, kind << 30 | 4 << 16 | request, &total);
  return verdict();
}
