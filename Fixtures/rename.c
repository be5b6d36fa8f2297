// rename, renameat, renameat2.
// calls: rename renameat renameat2
#include "observe.h"

static void files(void) {
  say("-- files");
  put_file("one", "one");
  put_file("two", "two");
  SHOW(rename("one", "three"));
  SHOW(rename("three", "two"));
  show_file("two");
  SHOW(rename("two", "two"));
  SHOW(rename("data/hello.txt", "hello"));
  show_file("hello");
  show_stat("data/hello.txt");
  SHOW(rename("hello", "data/empty"));
  show_file("data/empty");
  SHOW(rename("data/dir/a", "data/dir/b"));
  show_directory("data/dir");
  SHOW(rename("data/hard1", "data/hard2"));
  show_stat("data/hard1");
  SHOW(rename("data/dangling", "data/moved-link"));
  show_stat("data/moved-link");
  SHOW(rename("data/fifo", "fifo"));
  show_stat("fifo");
  SHOW(rename("two", "data/link"));
  show_stat("data/link");
}

static void directories(void) {
  say("-- directories");
  SHOW(rename("data/dir", "moved"));
  show_directory("moved");
  show_file("moved/sub/deep/file");
  show_stat("data/dir");
  SHOW(access("data/dir/sub/deep/file", F_OK));
  SHOW(mkdir("data/dir", 0755));
  show_directory("data/dir");
  SHOW(rename("moved/sub", "data/dir/sub"));
  show_file("data/dir/sub/deep/file");
  SHOW(rename("data/dir/sub", "data/emptydir"));
  show_directory("data/emptydir");
  SHOW(rename("data/emptydir", "moved"));
  SHOW(rename("data/many", "data/emptydir/many"));
  show_file("data/emptydir/many/f123");
  put_file("data/emptydir/many/f123", "changed");
  SHOW(unlink("data/emptydir/many/f124"));
  SHOW(rename("data/emptydir", "data/back"));
  show_file("data/back/many/f123");
  SHOW(access("data/back/many/f124", F_OK));
  SHOW(rename("data/back/many/", "many/"));
  show_file("many/f125");
  int fd = QUIET(open("many", O_RDONLY | O_DIRECTORY));
  SHOW(rename("many", "many2"));
  SHOW(faccessat(fd, "f001", F_OK, 0));
  SHOW(faccessat(fd, "../many2/f001", F_OK, 0));
  close(fd);
}

static void refusals(void) {
  say("-- refusals");
  SHOW(mkdir("a", 0755));
  SHOW(mkdir("a/b", 0755));
  put_file("file", "text");
  SHOW(rename("a", "a/b/c"));
  SHOW(rename("a", "a/b"));
  SHOW(rename("a/b", "a"));
  SHOW(rename("file", "a"));
  SHOW(rename("a", "file"));
  SHOW(rename("file", "a/"));
  SHOW(rename("file", "new/"));
  SHOW(rename("file/", "new"));
  SHOW(rename("a", "new/"));
  SHOW(rename("new", "a"));
  SHOW(rename("a/.", "x"));
  SHOW(rename("a/..", "x"));
  SHOW(rename("a", "."));
  SHOW(rename("a", ".."));
  SHOW(rename(".", "x"));
  SHOW(rename("/", "x"));
  SHOW(rename("a", "/"));
  SHOW(rename("missing", "x"));
  SHOW(rename("missing", "missing"));
  SHOW(rename("file", "missing/x"));
  SHOW(rename("file", "file/x"));
  SHOW(rename("file/x", "x"));
  SHOW(rename("data/loop1/x", "x"));
  SHOW(rename("", "x"));
  SHOW(rename("file", ""));
  SHOW(rename(bad_pointer(), "x"));
  SHOW(rename("file", bad_pointer()));
  SHOW(rename("file", "data/locked/x"));
  SHOW(rename("data/locked/inside", "x"));
  SHOW(rename("data/closed/inside", "x"));
  SHOW(rename("data/foreign/public", "x"));
  SHOW(rename("data/foreign/sticky/file", "y"));
  SHOW(rename("file", "/proc/x"));
  SHOW(rename("file", "/dev/null"));
  SHOW(renameat(99, "file", AT_FDCWD, "x"));
  SHOW(renameat(AT_FDCWD, "file", STDIN_FILENO, "x"));
}

static long rename2(const char *from, const char *to, unsigned flags) {
  return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void flags(void) {
  say("-- RENAME_NOREPLACE");
  put_file("n1", "n1");
  put_file("n2", "n2");
  SHOW(rename2("n1", "n2", RENAME_NOREPLACE));
  SHOW(rename2("n1", "n3", RENAME_NOREPLACE));
  SHOW(rename2("n3", "data/numbers.txt", RENAME_NOREPLACE));
  SHOW(rename2("n3", "n3", RENAME_NOREPLACE));
  SHOW(rename2("n3", "data/loop1", RENAME_NOREPLACE));

  say("-- RENAME_EXCHANGE");
  SHOW(rename2("n3", "n2", RENAME_EXCHANGE));
  show_file("n2");
  show_file("n3");
  SHOW(rename2("n2", "missing", RENAME_EXCHANGE));
  SHOW(rename2("n2", "data/numbers.txt", RENAME_EXCHANGE));
  show_file("n2");
  show_file("data/numbers.txt");
  SHOW(mkdir("d1", 0755));
  SHOW(mkdir("d2", 0700));
  put_file("d1/f", "in d1");
  SHOW(rename2("d1", "d2", RENAME_EXCHANGE));
  show_file("d2/f");
  show_stat("d1");
  SHOW(rename2("d1", "n3", RENAME_EXCHANGE));
  show_stat("d1");
  show_stat("n3");
  SHOW(rename2("d2", "d2/f", RENAME_EXCHANGE));
  SHOW(rename2("data/setgid", "data/sticky", RENAME_EXCHANGE));
  show_stat("data/setgid");
  show_stat("data/sticky");
  SHOW(rename2("n2", "d2", RENAME_EXCHANGE | RENAME_NOREPLACE));
  SHOW(rename2("n2", "d2", 1 << 10));
}

int main(void) {
  files();
  directories();
  refusals();
  flags();
  show_directory(".");
  show_directory("data");
}
