// Holes: SEEK_HOLE, SEEK_DATA, fallocate. Offsets are whole megabytes, so that no file system's block size shows.
// calls: fadvise64 fallocate fdatasync fsync lseek readahead sync_file_range syncfs
#include "observe.h"

#define MB (1L << 20)

int main(void) {
  int fd = SHOW(open("file", O_RDWR | O_CREAT, 0644));
  SHOW(pwrite(fd, "data", 4, 4 * MB));
  show_fstat("file", fd);
  SHOW(lseek(fd, 0, SEEK_HOLE));
  SHOW(lseek(fd, 4 * MB, SEEK_DATA));
  SHOW(lseek(fd, 4 * MB, SEEK_HOLE));
  SHOW(lseek(fd, 4 * MB + 4, SEEK_DATA));
  SHOW(lseek(fd, 5 * MB, SEEK_DATA));
  SHOW(lseek(fd, 5 * MB, SEEK_HOLE));
  SHOW(lseek(fd, -1, SEEK_DATA));
  SHOW(lseek(fd, -1, SEEK_SET));
  SHOW(lseek(fd, 0, 99));
  char text[8] = "xxxxxxxx";
  SHOW(pread(fd, text, 8, 2 * MB));
  say("%s", quote(text, 8));
  struct stat st;
  QUIET(fstat(fd, &st));
  say("fewer blocks than bytes %d", st.st_blocks * 512 < st.st_size);

  say("-- a lower file stays sparse");
  int lower = SHOW(open("data/sparse", O_RDWR));
  SHOW(lseek(lower, 0, SEEK_END));
  SHOW(lseek(lower, 0, SEEK_HOLE));
  SHOW(pread(lower, text, 8, MB));
  say("%s", quote(text, 4));
  SHOW(pwrite(lower, "Z", 1, MB + 1));
  QUIET(fstat(lower, &st));
  say("size %ld, sparse %d", (long)st.st_size, st.st_blocks * 512 < st.st_size);

  say("-- fallocate");
  int made = SHOW(open("made", O_RDWR | O_CREAT, 0644));
  SHOW(fallocate(made, 0, 0, 10000));
  show_fstat("made", made);
  SHOW(fallocate(made, FALLOC_FL_KEEP_SIZE, 0, 50000));
  show_fstat("made", made);
  SHOW(posix_fallocate(made, 0, 20000));
  show_fstat("made", made);
  SHOW(pwrite(made, "0123456789", 10, 0));
  SHOW(fallocate(made, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 4));
  SHOW(pread(made, text, 8, 0));
  say("%s", quote(text, 8));
  SHOW(fallocate(made, FALLOC_FL_PUNCH_HOLE, 0, 4));
  SHOW(fallocate(made, 0, -1, 10));
  SHOW(fallocate(made, 0, 0, 0));
  SHOW(fallocate(99, 0, 0, 10));
  int reader = SHOW(open("made", O_RDONLY));
  SHOW(fallocate(reader, 0, 0, 10));
  int pipes[2];
  QUIET(pipe(pipes));
  SHOW(fallocate(pipes[1], 0, 0, 10));
  int directory = SHOW(open("data", O_RDONLY));
  SHOW(fallocate(directory, 0, 0, 10));
  SHOW(fallocate(lower, 0, 0, 3 * MB));
  show_stat("data/sparse");

  say("-- positions");
  SHOW(lseek(pipes[0], 0, SEEK_CUR));
  SHOW(lseek(99, 0, SEEK_CUR));
  SHOW(lseek(made, 10, SEEK_END));
  SHOW(read(made, text, 8));
  SHOW(write(made, "end", 3));
  show_fstat("made", made);
  SHOW(posix_fadvise(made, 0, 0, POSIX_FADV_DONTNEED));
  SHOW(posix_fadvise(pipes[0], 0, 0, POSIX_FADV_DONTNEED));
  SHOW(fsync(made));
  SHOW(fdatasync(made));
  SHOW(sync_file_range(made, 0, 100, SYNC_FILE_RANGE_WRITE));
  SHOW(fsync(pipes[0]));
  SHOW(syncfs(made));
  SHOW(readahead(made, 0, 100));
}
