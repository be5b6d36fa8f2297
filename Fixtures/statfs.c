// statfs and fstatfs: whether the fields make sense; the numbers are the machine's own.
// calls: fstatfs statfs
#include "observe.h"
#include <sys/statfs.h>
#include <sys/statvfs.h>

static void show(const char *path) {
  struct statfs fs;
  if (statfs(path, &fs) < 0) {
    say("statfs %s: %s", quote(path, strlen(path)), error_name(errno));
    return;
  }
  say("%s: block size %d, free <= total %d, names %ld", path, fs.f_bsize > 0, fs.f_bfree <= fs.f_blocks, (long)fs.f_namelen);
}

int main(void) {
  struct statfs fs;
  static const char *const paths[] = {".", "data", "data/hello.txt", "data/link", "data/fifo", "data/dangling",
                                      "data/loop1", "data/missing", "data/hello.txt/x", "data/closed", "data/closed/x", ""};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) show(paths[i]);
  SHOW(statfs(bad_pointer(), &fs));
  SHOW(statfs(".", bad_pointer()));
  SHOW(statfs("/proc", &fs));
  say("/proc is proc %d", fs.f_type == 0x9fa0);
  SHOW(statfs("/", &fs));
  SHOW(statfs("/dev", &fs));

  int file = SHOW(open("data/hello.txt", O_RDONLY));
  int path = SHOW(open("data", O_PATH));
  int pipes[2];
  QUIET(pipe(pipes));
  SHOW(fstatfs(file, &fs));
  SHOW(fstatfs(path, &fs));
  SHOW(fstatfs(pipes[0], &fs));
  say("pipefs %d", fs.f_type == 0x50495045);
  SHOW(fstatfs(99, &fs));
  SHOW(fstatfs(file, bad_pointer()));
  struct statvfs vfs;
  SHOW(statvfs(".", &vfs));
  say("not read-only %d", !(vfs.f_flag & ST_RDONLY));
}
