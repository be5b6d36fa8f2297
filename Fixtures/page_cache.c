// What is cached of a file, and bringing it to the disk.
// calls: cachestat fadvise64 fdatasync fsync readahead sync sync_file_range syncfs
#include "observe.h"

#define CACHESTAT 451

struct range { uint64_t offset, length; };
struct counts { uint64_t cached, dirty, written_back, evicted, recently_evicted; };

int main(void) {
  int fd = open("own", O_RDWR | O_CREAT, 0644), below = open("data/hello.txt", O_RDONLY);
  char page[4096] = "x";
  QUIET(write(fd, page, sizeof page));
  QUIET(write(fd, page, sizeof page));
  struct range all = {0, 0}, one = {0, 4096}, none = {1 << 20, 4096};
  struct counts counts = {99, 99, 99, 99, 99};
  SHOW(syscall(CACHESTAT, fd, &all, &counts, 0));
  say("cached %d", (int)counts.cached);
  SHOW(syscall(CACHESTAT, fd, &one, &counts, 0));
  say("cached %d", (int)counts.cached);
  SHOW(syscall(CACHESTAT, fd, &none, &counts, 0));
  say("cached %d", (int)counts.cached);
  QUIET(pread(below, page, 1, 0));
  SHOW(syscall(CACHESTAT, below, &all, &counts, 0));
  say("cached of the file below %d", (int)counts.cached);
  SHOW(syscall(CACHESTAT, fd, &all, &counts, 1));
  SHOW(syscall(CACHESTAT, fd, bad_pointer(), &counts, 0));
  SHOW(syscall(CACHESTAT, fd, &all, bad_pointer(), 0));
  SHOW(syscall(CACHESTAT, 99, &all, &counts, 0));
  int ends[2];
  QUIET(pipe(ends));
  SHOW(syscall(CACHESTAT, ends[0], &all, &counts, 0));
  SHOW(fsync(fd));
  SHOW(fdatasync(fd));
  SHOW(fsync(below));
  SHOW(fsync(ends[0]));
  SHOW(fsync(99));
  SHOW(fdatasync(99));
  SHOW(syncfs(fd));
  SHOW(syncfs(99));
  SHOW(sync_file_range(fd, 0, 4096, SYNC_FILE_RANGE_WRITE));
  SHOW(sync_file_range(fd, -1, 4096, 0));
  SHOW(sync_file_range(fd, 0, 4096, 99));
  SHOW(sync_file_range(ends[0], 0, 4096, 0));
  SHOW(readahead(below, 0, 4096));
  SHOW(readahead(ends[0], 0, 4096));
  SHOW(readahead(99, 0, 4096));
  SHOW(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
  SHOW(posix_fadvise(fd, 0, -1, POSIX_FADV_WILLNEED));
  SHOW(posix_fadvise(fd, 0, 0, 99));
  SHOW(posix_fadvise(ends[0], 0, 0, POSIX_FADV_NORMAL));
  sync();
  say("sync returned");
}
