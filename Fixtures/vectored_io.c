// Reading and writing at an offset and into several buffers, with the flags of the newest forms.
// calls: pread64 preadv preadv2 pwrite64 pwritev pwritev2 readv writev
#include "observe.h"
#include <sys/uio.h>

static char first[6], second[10];
static struct iovec parts[2] = {{first, 5}, {second, 9}};

static void show_parts(long count) {
  say("  %s %s", quote(first, count < 5 ? (count > 0 ? count : 0) : 5), quote(second, count > 5 ? count - 5 : 0));
  memset(first, 0, sizeof first);
  memset(second, 0, sizeof second);
}

static void reading(int fd) {
  show_parts(SHOW(readv(fd, parts, 2)));
  show_parts(SHOW(preadv(fd, parts, 2, 2)));
  show_parts(SHOW(preadv(fd, parts, 2, 16)));
  SHOW(preadv(fd, parts, 2, 1000));
  SHOW(preadv(fd, parts, 2, -1));
  show_parts(SHOW(preadv2(fd, parts, 2, 1, 0)));
  show_parts(SHOW(preadv2(fd, parts, 2, -1, 0)));
  SHOW(preadv2(fd, parts, 2, 0, RWF_HIPRI));
  SHOW(preadv2(fd, parts, 2, 0, RWF_NOWAIT));
  SHOW(preadv2(fd, parts, 2, 0, 0x40000000));
  SHOW(preadv2(fd, parts, 2, -2, 0));
  SHOW(lseek(fd, 0, SEEK_CUR));
  SHOW(readv(fd, parts, 0));
  SHOW(syscall(SYS_readv, fd, parts, -1));
  SHOW(syscall(SYS_readv, fd, parts, IOV_MAX + 1));
  SHOW(readv(fd, bad_pointer(), 1));
  SHOW(pread(fd, first, 5, -1));
  SHOW(pread(fd, bad_pointer(), 5, 0));
  struct iovec overflow[2] = {{first, SSIZE_MAX}, {second, 9}};
  SHOW(readv(fd, overflow, 2));
  struct iovec negative[2] = {{first, (size_t)-1}, {second, 9}};
  SHOW(readv(fd, negative, 2));
  struct iovec half[2] = {{first, 5}, {bad_pointer(), 9}};
  lseek(fd, 0, SEEK_SET);
  SHOW(readv(fd, half, 2));
}

int main(void) {
  put_file("text", "0123456789abcdefghij");
  int fd = open("text", O_RDWR);
  reading(fd);
  int below = open("data/hello.txt", O_RDONLY);
  say("below");
  reading(below);
  SHOW(writev(below, parts, 2));
  SHOW(pwritev(below, parts, 2, 0));

  memcpy(first, "FIRST", 5);
  memcpy(second, "SECOND456", 9);
  SHOW(lseek(fd, 0, SEEK_SET));
  SHOW(writev(fd, parts, 2));
  show_file("text");
  SHOW(pwritev(fd, parts, 2, 30));
  show_file("text");
  SHOW(pwritev(fd, parts, 2, -1));
  SHOW(pwritev2(fd, parts, 1, 0, RWF_APPEND));
  show_file("text");
  SHOW(pwritev2(fd, parts, 1, -1, RWF_DSYNC));
  SHOW(pwritev2(fd, parts, 1, 2, RWF_SYNC));
  SHOW(pwritev2(fd, parts, 1, 2, 0x40000000));
  SHOW(pwrite(fd, "xyz", 3, 1));
  SHOW(pwrite(fd, "xyz", 3, -1));
  SHOW(pwrite(fd, bad_pointer(), 3, 0));
  SHOW(lseek(fd, 0, SEEK_CUR));
  show_file("text");
  int appending = open("text", O_WRONLY | O_APPEND);
  SHOW(pwritev2(appending, parts, 1, 0, 0));
  SHOW(pwritev2(appending, parts, 1, 0, 0x20));
  SHOW(pread(appending, first, 1, 0));
  int ends[2];
  QUIET(pipe(ends));
  SHOW(writev(ends[1], parts, 2));
  SHOW(preadv(ends[0], parts, 2, 0));
  SHOW(pwritev(ends[1], parts, 2, 0));
  SHOW(pread(ends[0], first, 1, 0));
  SHOW(preadv2(ends[0], parts, 2, -1, RWF_NOWAIT));
  SHOW(preadv2(ends[0], parts, 2, -1, RWF_NOWAIT));
  SHOW(readv(99, parts, 2));
}
