// The modes of fallocate(2). Whole multiples of 64 KiB, so that no file system's block size shows.
// calls: fallocate lseek
#include "observe.h"

#define UNIT 65536L

static void fill(int fd, int units) {
  char *text = malloc(UNIT);
  for (int i = 0; i < units; i++) {
    memset(text, 'a' + i, UNIT);
    QUIET(pwrite(fd, text, UNIT, i * UNIT));
  }
  free(text);
}

// The first byte of each unit.
static void units(int fd) {
  char text[64];
  struct stat st;
  int count = 0;
  QUIET(fstat(fd, &st));
  for (off_t at = 0; at < st.st_size && count < 60; at += UNIT) {
    QUIET(pread(fd, text + count, 1, at));
    count++;
  }
  say("size %ld: %s", (long)st.st_size / UNIT, quote(text, count));
  say("data %ld, hole %ld", (long)lseek(fd, 0, SEEK_DATA) / UNIT, (long)lseek(fd, 0, SEEK_HOLE) / UNIT);
}

static void try_modes(int fd) {
  units(fd);
  SHOW(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, UNIT, UNIT));
  units(fd);
  SHOW(fallocate(fd, FALLOC_FL_INSERT_RANGE, UNIT, 2 * UNIT));
  units(fd);
  SHOW(fallocate(fd, FALLOC_FL_ZERO_RANGE, 3 * UNIT, UNIT));
  units(fd);
  SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, UNIT));
  units(fd);
  SHOW(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 100 * UNIT));
  units(fd);
  SHOW(fallocate(fd, 0, 0, 12 * UNIT));
  units(fd);
  SHOW(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 1, UNIT));
  SHOW(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 100 * UNIT));
  SHOW(fallocate(fd, FALLOC_FL_INSERT_RANGE, 100 * UNIT, UNIT));
  SHOW(fallocate(fd, FALLOC_FL_INSERT_RANGE | FALLOC_FL_KEEP_SIZE, 0, UNIT));
  SHOW(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_PUNCH_HOLE, 0, UNIT));
  SHOW(fallocate(fd, 0x1000, 0, UNIT));
  SHOW(fallocate(fd, 0, 0, 0x7fffffffffffffff));
  SHOW(fallocate(fd, 0, 0x7fffffffffffffff, 1));
  units(fd);
}

int main(void) {
  say("-- a file of ours");
  int own = SHOW(open("own", O_RDWR | O_CREAT, 0644));
  fill(own, 6);
  try_modes(own);

  say("-- a lower one, with a hole from below");
  int lower = SHOW(open("data/sparse", O_RDWR));
  fill(lower, 3);
  SHOW(fallocate(lower, FALLOC_FL_COLLAPSE_RANGE, 0, UNIT));
  SHOW(fallocate(lower, FALLOC_FL_INSERT_RANGE, 0, UNIT));
  SHOW(fallocate(lower, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, UNIT, UNIT));
  units(lower);

  say("-- without a name, appending, and only to read");
  int unnamed = SHOW(open(".", O_TMPFILE | O_RDWR, 0600));
  fill(unnamed, 3);
  SHOW(fallocate(unnamed, FALLOC_FL_INSERT_RANGE, UNIT, UNIT));
  units(unnamed);
  int appending = SHOW(open("own", O_WRONLY | O_APPEND));
  SHOW(fallocate(appending, 0, 0, 20 * UNIT));
  SHOW(fallocate(appending, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, UNIT));
  SHOW(fallocate(appending, FALLOC_FL_COLLAPSE_RANGE, 0, UNIT));
  int reading = SHOW(open("own", O_RDONLY));
  SHOW(fallocate(reading, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, UNIT));
  int path = SHOW(open("own", O_PATH));
  SHOW(fallocate(path, 0, 0, UNIT));
}
