// getdents64: merged listings, positions, small buffers and the fields of an entry.
// calls: getdents getdents64 lseek
#include "observe.h"

struct entry {
  uint64_t inode;
  int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[];
};

static long entries(int fd, void *buffer, size_t size) { return syscall(SYS_getdents64, fd, buffer, size); }

// Reads all of it in pieces of `size` bytes and checks each entry.
static int count(int fd, size_t size) {
  char buffer[4096];
  int total = 0;
  for (long n; (n = entries(fd, buffer, size)) != 0;) {
    if (n < 0) {
      say("getdents64: %s", error_name(errno));
      return total;
    }
    for (long at = 0; at < n;) {
      struct entry *entry = (struct entry *)(buffer + at);
      if (entry->length % 8 || entry->length < 19 + strlen(entry->name) + 1) say("bad length for %s", entry->name);
      at += entry->length;
      total++;
    }
  }
  return total;
}

// A buffer of which only the first bytes are there: what fits before them is a result.
static void cut_off(int fd) {
  char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(memory + 4096, 4096, PROT_NONE);
  static const long mapped[] = {0, 18, 23, 100, 777};
  for (int i = 0; i < 5; i++) {
    long got = 0, all = 0;
    lseek(fd, 0, SEEK_SET);
    while ((got = entries(fd, memory + 4096 - mapped[i], 4096)) > 0)
      for (char *entry = memory + 4096 - mapped[i], *end = entry + got; entry < end; all++) entry += *(uint16_t *)(entry + 16);
    say("%ld bytes of 4096 are there: %ld entries, then %s", mapped[i], all, got < 0 ? error_name(errno) : "the end");
  }
  lseek(fd, 0, SEEK_SET);
  for (long size = 0x7fffffff; size <= 0x80000000L; size++) CHECK(entries(fd, memory, size));
  CHECK(entries(fd, memory, -1L));
  lseek(fd, 0, SEEK_SET);
}

int main(void) {
  char buffer[4096];
  show_directory("data");
  show_directory("data/many");
  show_directory("data/emptydir");
  show_directory("data/dirlink/sub");
  show_directory("data/closed");
  show_directory("data/hello.txt");
  show_directory("data/missing");

  say("-- inode numbers agree with lstat");
  DIR *directory = opendir("data");
  int wrong = 0, checked = 0;
  for (struct dirent *entry; (entry = readdir(directory));) {
    struct stat st;
    if (!strcmp(entry->d_name, "..") || fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
    checked++;
    wrong += st.st_ino != entry->d_ino;
  }
  closedir(directory);
  say("checked %d wrong %d", checked, wrong);

  say("-- sizes of the buffer");
  int fd = SHOW(open("data/many", O_RDONLY | O_DIRECTORY));
  static const size_t sizes[] = {32, 64, 100, 777, 4096};
  for (int i = 0; i < 5; i++) {
    say("pieces of %zu: %d entries", sizes[i], count(fd, sizes[i]));
    SHOW(entries(fd, buffer, sizeof buffer));
    SHOW(lseek(fd, 0, SEEK_SET));
  }
  cut_off(fd);
  SHOW(entries(fd, buffer, 0));
  SHOW(entries(fd, buffer, 8));
  SHOW(entries(fd, buffer, 23));
  SHOW(entries(fd, bad_pointer(), 4096));

  say("-- shared positions");
  QUIET(lseek(fd, 0, SEEK_SET));
  int other = SHOW(dup(fd));
  CHECK(entries(fd, buffer, 1000));
  int rest = count(other, 4096);
  say("fewer than all through the duplicate: %d", rest > 0 && rest < 202);
  SHOW(entries(fd, buffer, sizeof buffer));
  IN_CHILD {
    QUIET(lseek(fd, 0, SEEK_SET));
    CHECK(entries(fd, buffer, 1000));
  }
  rest = count(fd, 4096);
  say("the child moved the position: %d", rest > 0 && rest < 202);
  int fresh = SHOW(open("data/many", O_RDONLY | O_DIRECTORY));
  say("a fresh descriptor: %d", count(fresh, 4096));

  say("-- refusals");
  int file = SHOW(open("data/hello.txt", O_RDONLY));
  int path = SHOW(open("data", O_PATH));
  SHOW(entries(file, buffer, sizeof buffer));
  SHOW(entries(path, buffer, sizeof buffer));
  SHOW(entries(99, buffer, sizeof buffer));
  SHOW(entries(STDIN_FILENO, buffer, sizeof buffer));
  // From the start, because a position at the end is a file system's own number, and may be out of range for read.
  QUIET(lseek(fd, 0, SEEK_SET));
  SHOW(read(fd, buffer, 10));
  SHOW(write(fd, buffer, 10));
  SHOW(pread(fd, buffer, 10, 0));

  say("-- merged");
  put_file("data/dir/new", "new");
  QUIET(unlink("data/dir/a"));
  QUIET(rename("data/dir/b", "data/dir/z"));
  QUIET(mkdir("data/dir/d", 0755));
  QUIET(symlink("z", "data/dir/l"));
  QUIET(mkfifo("data/dir/f", 0644));
  put_file("data/dir/c", "copied up");
  show_directory("data/dir");

  say("-- the old getdents");
  SHOW(lseek(fd, 0, SEEK_SET));
  CHECK(syscall(SYS_getdents, fd, buffer, sizeof buffer));
  SHOW(syscall(SYS_getdents, file, buffer, sizeof buffer));
  SHOW(syscall(SYS_getdents, 99, buffer, sizeof buffer));
}
