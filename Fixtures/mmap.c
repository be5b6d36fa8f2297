// mmap of files: private, shared, across copy-up, fork, truncation; and the calls on mappings.
// calls: madvise mincore mlock mmap mprotect mremap msync munlock munmap
#include "observe.h"
#include <setjmp.h>

static sigjmp_buf jump;
static void faulted(int number) { siglongjmp(jump, number); }

// Reads a byte and says which signal came instead, if one did.
static void touch(const char *label, volatile char *at, bool writing) {
  int number = sigsetjmp(jump, 1);
  if (number) {
    say("%s: %s", label, signal_name(number));
  } else {
    if (writing) *at = '!';
    char byte = *at;
    say("%s: %s", label, quote(&byte, 1));
  }
}

static char *map(int fd, size_t length, int protection, int flags) {
  char *at = mmap(NULL, length, protection, flags, fd, 0);
  if (at == MAP_FAILED) say("mmap: %s", error_name(errno));
  return at == MAP_FAILED ? NULL : at;
}

int main(void) {
  signal(SIGSEGV, faulted);
  signal(SIGBUS, faulted);
  char text[32];
  int lower = SHOW(open("data/hello.txt", O_RDONLY));
  int writer = SHOW(open("data/dir/c", O_RDWR));

  say("-- private");
  char *own = map(lower, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  memcpy(own, "HELLO", 5);
  say("%s", quote(own, 12));
  SHOW(pread(lower, text, 12, 0));
  say("the file %s", quote(text, 12));
  say("after the end %d", own[100]);

  say("-- shared");
  char *shared = map(writer, 4096, PROT_READ | PROT_WRITE, MAP_SHARED);
  shared[0] = 'M';
  SHOW(pread(writer, text, 4, 0));
  say("%s", quote(text, 4));
  show_file("data/dir/c");
  SHOW(pwrite(writer, "W", 1, 1));
  say("%s", quote(shared, 4));
  SHOW(msync(shared, 4096, MS_SYNC));
  SHOW(msync(shared + 1, 4096, MS_SYNC));
  SHOW(msync(shared, 4096, MS_SYNC | MS_ASYNC));
  close(writer);
  shared[2] = 'X';
  show_file("data/dir/c");
  IN_CHILD shared[0] = 'F';
  say("after a child wrote %s", quote(shared, 3));

  say("-- a reader's mapping sees a writer that came later");
  int early = SHOW(open("data/numbers.txt", O_RDONLY));
  char *view = map(early, 4096, PROT_READ, MAP_SHARED);
  char *quiet = map(early, 4096, PROT_READ, MAP_PRIVATE);
  say("before %s", quote(view, 9));
  int late = SHOW(open("data/numbers.txt", O_RDWR));
  SHOW(pwrite(late, "LATE", 4, 0));
  say("shared view %s", quote(view, 9));
  say("private view %s", quote(quiet, 9));

  say("-- two processes share a lower file");
  int pipes[2];
  QUIET(pipe(pipes));
  pid_t pid = fork();
  if (pid == 0) {
    int fd = open("data/empty", O_RDWR);
    QUIET(ftruncate(fd, 4096));
    char *page = map(fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED);
    QUIET(write(pipes[1], "r", 1));
    while (*(volatile char *)page != 'p') pause_ms(1);
    page[1] = 'c';
    _exit(0);
  }
  QUIET(read(pipes[0], text, 1));
  int fd = open("data/empty", O_RDWR);
  char *page = map(fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED);
  page[0] = 'p';
  wait_for("child", pid);
  say("page %s", quote(page, 2));
  close(fd);

  say("-- truncation under a mapping");
  fd = SHOW(open("file", O_RDWR | O_CREAT, 0644));
  SHOW(ftruncate(fd, 8192));
  char *two = map(fd, 8192, PROT_READ | PROT_WRITE, MAP_SHARED);
  touch("second page", two + 4096, true);
  SHOW(ftruncate(fd, 100));
  touch("first page", two, false);
  touch("second page", two + 4096, false);
  SHOW(ftruncate(fd, 8192));
  touch("second page again", two + 4096, false);

  say("-- protection");
  touch("write to a read-only mapping", view, true);
  SHOW(mprotect(quiet, 4096, PROT_READ | PROT_WRITE));
  touch("after mprotect", quiet, true);
  SHOW(mprotect(view, 4096, PROT_READ | PROT_WRITE));
  SHOW(mprotect(own, 4096, PROT_NONE));
  touch("nothing allowed", own, false);
  SHOW(mprotect(own + 1, 4096, PROT_READ));
  SHOW(munmap(own, 4096));
  touch("unmapped", own, false);
  SHOW(munmap(own + 1, 10));
  SHOW(munmap(own, 0));

  say("-- refusals");
  CHECK(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, lower, 0));
  CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, lower, 0));
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, lower, 1));
  CHECK(mmap(NULL, 4096, PROT_READ, 0, lower, 0));
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 99, 0));
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, pipes[0], 0));
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open("data", O_RDONLY), 0));
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open("data/empty", O_WRONLY), 0));
  CHECK(mmap(two, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE, lower, 0));
  CHECK(mmap(two + 1, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, lower, 0));
  CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, lower, 0));

  say("-- other calls");
  char *moved = mremap(two, 8192, 16384, MREMAP_MAYMOVE);
  say("mremap %d, content %s", moved != MAP_FAILED, quote(moved, 1));
  unsigned char present[4];
  SHOW(mincore(moved, 4096, present));
  SHOW(mincore(moved + 1, 4096, present));
  SHOW(madvise(moved, 4096, MADV_DONTNEED));
  SHOW(madvise(moved, 4096, 9999));
  SHOW(mlock(moved, 4096));
  SHOW(munlock(moved, 4096));
  char *none = map(-1, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  SHOW(madvise(none, 4096, MADV_DONTFORK));
  IN_CHILD touch("not inherited", none, false);
  SHOW(brk(sbrk(0)));
  SHOW(unlink("file"));
  say("still mapped %s", quote(moved, 1));
}
