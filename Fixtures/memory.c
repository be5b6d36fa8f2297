// Calls on the caller's own memory beyond mmap.c: the break, locking, sealing, remapping, advice to others.
// calls: brk map_shadow_stack mlock mlock2 mlockall mremap mseal munlock munlockall process_madvise process_mrelease
// calls: remap_file_pages
#include "unprivileged.h"
#include <sys/uio.h>

#define PAGE 4096L
#define MSEAL 462
#define MAP_SHADOW_STACK 453

static char *fresh(long pages) {
  char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) say("mmap: %s", error_name(errno));
  return memory;
}

// The kilobytes that /proc/self/status has for a name.
static long status_of(const char *name) {
  FILE *file = fopen("/proc/self/status", "re");
  char line[256];
  long value = -1;
  while (file && fgets(line, sizeof line, file)) {
    if (strncmp(line, name, strlen(name)) == 0) value = atol(line + strlen(name) + 1);
  }
  if (file) fclose(file);
  return value;
}

static void the_break(void) {
  char *start = (char *)syscall(SYS_brk, 0), *end = (char *)syscall(SYS_brk, start + 3 * PAGE);
  say("grown by %ld pages", (long)(end - start) / PAGE);
  start[0] = start[3 * PAGE - 1] = 'x';
  say("shrunk by %ld pages", (end - (char *)syscall(SYS_brk, start + PAGE)) / PAGE);
  say("impossible leaves it: %d", syscall(SYS_brk, 8) == syscall(SYS_brk, 0));
  struct rlimit none = {0, 0};
  IN_CHILD {
    QUIET(setrlimit(RLIMIT_DATA, &none));
    char *now = (char *)syscall(SYS_brk, 0);
    say("over the limit leaves it: %d", (char *)syscall(SYS_brk, now + 100 * PAGE) == now);
  }
}

static void locking(void) {
  char *memory = fresh(8);
  SHOW(mlock(memory, 4 * PAGE));
  say("locked %ld", status_of("VmLck"));
  SHOW(syscall(SYS_mlock2, memory, 6 * PAGE, 0));
  say("locked %ld", status_of("VmLck"));
  SHOW(syscall(SYS_mlock2, memory + 6 * PAGE, PAGE, 1));
  SHOW(syscall(SYS_mlock2, memory, PAGE, 2));
  SHOW(munlock(memory + PAGE, PAGE));
  say("locked %ld", status_of("VmLck"));
  munmap(memory + 7 * PAGE, PAGE);
  SHOW(mlock(memory, 8 * PAGE));
  SHOW(munlock(memory, 8 * PAGE));
  SHOW(mlockall(0));
  SHOW(mlockall(8));
  SHOW(mlockall(MCL_ONFAULT));
  SHOW(mlockall(MCL_FUTURE | MCL_ONFAULT));
  memory = fresh(2);
  say("locked %ld", status_of("VmLck"));
  SHOW(munlockall());
  say("locked %ld", status_of("VmLck"));
  IN_CHILD {
    drop_privilege();
    struct rlimit small = {2 * PAGE, 2 * PAGE}, none = {0, 0};
    QUIET(setrlimit(RLIMIT_MEMLOCK, &small));
    memory = fresh(4);
    SHOW(mlock(memory, 2 * PAGE));
    SHOW(mlock(memory, 3 * PAGE));
    SHOW(mlockall(MCL_CURRENT));
    QUIET(munlockall());
    QUIET(setrlimit(RLIMIT_MEMLOCK, &none));
    SHOW(mlock(memory, PAGE));
    SHOW(munlock(memory, PAGE));
  }
}

static void sealing(void) {
  char *memory = fresh(3);
  SHOW(syscall(MSEAL, memory + 1, PAGE, 0));
  SHOW(syscall(MSEAL, memory, PAGE, 1));
  SHOW(syscall(MSEAL, memory, 0, 0));
  long sealed = SHOW(syscall(MSEAL, memory, 2 * PAGE, 0));
  if (sealed == 0) {
    SHOW(munmap(memory, PAGE));
    SHOW(mprotect(memory, PAGE, PROT_READ));
    CHECK(mmap(memory, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    CHECK(mremap(memory, 2 * PAGE, PAGE, 0));
    SHOW(munmap(memory, 3 * PAGE));
    memory[0] = 'x';
  }
  SHOW(munmap(memory + 2 * PAGE, PAGE));
  SHOW(syscall(MSEAL, memory, 3 * PAGE, 0));
}

static void remapping(void) {
  int fd = memfd_create("pages", 0);
  for (int page = 0; page < 3; page++) {
    char text[2] = {(char)('a' + page)};
    QUIET(pwrite(fd, text, 1, page * PAGE));
  }
  QUIET(ftruncate(fd, 3 * PAGE));
  char *view = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  say("pages %c%c%c", view[0], view[PAGE], view[2 * PAGE]);
  SHOW(syscall(SYS_remap_file_pages, view, PAGE, 0, 2, 0));
  say("pages %c%c%c", view[0], view[PAGE], view[2 * PAGE]);
  SHOW(syscall(SYS_remap_file_pages, view, PAGE, PROT_READ, 2, 0));
  SHOW(syscall(SYS_remap_file_pages, fresh(1), PAGE, 0, 0, 0));
  char *old = fresh(2), *place = fresh(4);
  old[0] = 'o';
  munmap(place, 4 * PAGE);
  SHOW(mremap(old, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place);
  say("moved %c", place[0]);
  CHECK(mremap(place, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP) );
  say("left behind %d", place[0]);
  CHECK(mremap(place, 4 * PAGE, 8 * PAGE, MREMAP_FIXED, old));
  CHECK(mremap(place + 1, PAGE, PAGE, 0));
  CHECK(mremap(place, 4 * PAGE, 0, 0));
  CHECK(mremap(old, PAGE, 2 * PAGE, 0));
  CHECK(syscall(MAP_SHADOW_STACK, 0, 0, 0));
  CHECK(syscall(MAP_SHADOW_STACK, 0, PAGE, 8));
}

static void others(void) {
  char *memory = fresh(2);
  memory[0] = 'x';
  int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
  struct iovec range = {memory, PAGE};
  SHOW(syscall(SYS_process_madvise, self, &range, 1, MADV_COLD, 0));
  SHOW(syscall(SYS_process_madvise, self, &range, 1, MADV_PAGEOUT, 0));
  SHOW(memory[0] == 'x');
  SHOW(syscall(SYS_process_madvise, self, &range, 1, MADV_COLD, 1));
  SHOW(syscall(SYS_process_madvise, self, &range, 1, 1234, 0));
  SHOW(syscall(SYS_process_madvise, 99, &range, 1, MADV_COLD, 0));
  SHOW(syscall(SYS_process_madvise, self, bad_pointer(), 1, MADV_COLD, 0));
  SHOW(syscall(SYS_process_mrelease, self, 0));
  SHOW(syscall(SYS_process_mrelease, self, 1));
  SHOW(syscall(SYS_process_mrelease, 99, 0));
  pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  int other = (int)syscall(SYS_pidfd_open, child, 0);
  SHOW(syscall(SYS_process_mrelease, other, 0));
  kill(child, SIGKILL);
  wait_for("child", child);
  SHOW(syscall(SYS_process_mrelease, other, 0));
}

int main(void) {
  the_break();
  locking();
  sealing();
  remapping();
  others();
}
