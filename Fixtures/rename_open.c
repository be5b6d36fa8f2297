// Files that are renamed, replaced or removed while they are open.
// calls: fchmod ftruncate openat readlink rename unlink
#include "observe.h"

static void show_name(int fd) {
  char link[64], text[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, text, sizeof text - 1);
  text[n < 0 ? 0 : n] = 0;
  say("descriptor %d is %s", fd, relative(text));
}

static void content(int fd) {
  char text[64];
  ssize_t n = pread(fd, text, sizeof text, 0);
  say("descriptor %d holds %s", fd, n < 0 ? error_name(errno) : quote(text, n));
}

static void one(const char *path) {
  say("-- %s", path);
  int reader = SHOW(open(path, O_RDONLY));
  SHOW(rename(path, "moved"));
  show_fstat("after rename", reader);
  show_name(reader);
  content(reader);
  int writer = SHOW(open("moved", O_RDWR));
  SHOW(pwrite(writer, "X", 1, 0));
  content(writer);
  put_file("replacement", "replacement");
  SHOW(rename("replacement", "moved"));
  content(writer);
  show_file("moved");
  struct stat st;
  QUIET(fstat(writer, &st));
  say("links of the replaced file %ld", (long)st.st_nlink);
  show_name(writer);
  SHOW(unlink("moved"));
  SHOW(pwrite(writer, "Y", 1, 1));
  content(writer);
  SHOW(ftruncate(writer, 2));
  content(writer);
  close(reader);
  close(writer);
}

int main(void) {
  put_file("new", "a new file");
  one("new");
  one("data/hello.txt");

  say("-- removed, then made again");
  int old = SHOW(open("data/dir/a", O_RDWR));
  SHOW(unlink("data/dir/a"));
  show_fstat("removed", old);
  show_name(old);
  put_file("data/dir/a", "another");
  show_file("data/dir/a");
  content(old);
  SHOW(pwrite(old, "Z", 1, 0));
  show_file("data/dir/a");
  content(old);
  struct stat first, second;
  QUIET(fstat(old, &first));
  QUIET(stat("data/dir/a", &second));
  say("the same inode %d", first.st_ino == second.st_ino);
  SHOW(fchmod(old, 0600));
  show_stat("data/dir/a");
  char again[64];
  snprintf(again, sizeof again, "/proc/self/fd/%d", old);
  int reopened = SHOW(open(again, O_RDONLY));
  content(reopened);

  say("-- a mapping outlives the name");
  int mapped = SHOW(open("data/numbers.txt", O_RDONLY));
  char *text = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, mapped, 0);
  SHOW(unlink("data/numbers.txt"));
  close(mapped);
  say("mapping holds %s", quote(text, 9));

  say("-- the directory is renamed under an open file");
  int inside = SHOW(open("data/dir/sub/deep/file", O_RDWR));
  SHOW(rename("data/dir", "outside"));
  show_name(inside);
  SHOW(pwrite(inside, "changed", 7, 0));
  show_file("outside/sub/deep/file");
  SHOW(unlink("outside/sub/deep/file"));
  show_fstat("inside", inside);

  say("-- writers on both sides of a rename");
  put_file("log", "");
  int log = SHOW(open("log", O_WRONLY | O_APPEND));
  SHOW(write(log, "one ", 4));
  SHOW(rename("log", "log.1"));
  SHOW(write(log, "two ", 4));
  put_file("log", "fresh");
  SHOW(write(log, "three", 5));
  show_file("log");
  show_file("log.1");
}
