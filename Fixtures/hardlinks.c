// Hard links: counts and contents stay together, below and above.
// calls: chmod link rename renameat2 truncate unlink
#include "observe.h"

static void pair(const char *left, const char *right) {
  struct stat a, b;
  if (stat(left, &a) < 0 || stat(right, &b) < 0) {
    say("%s and %s: %s", left, right, error_name(errno));
    return;
  }
  say("%s and %s: same file %d, links %ld and %ld, sizes %lld and %lld", left, right,
      a.st_ino == b.st_ino && a.st_dev == b.st_dev, (long)a.st_nlink, (long)b.st_nlink, (long long)a.st_size,
      (long long)b.st_size);
}

int main(void) {
  say("-- a lower pair");
  pair("data/hard1", "data/hard2");
  int reader = SHOW(open("data/hard2", O_RDONLY));
  put_file("data/hard1", "changed by the first name");
  pair("data/hard1", "data/hard2");
  show_file("data/hard2");
  show_fstat("reader of the second", reader);
  SHOW(chmod("data/hard2", 0600));
  show_stat("data/hard1");
  SHOW(rename("data/hard2", "elsewhere"));
  pair("data/hard1", "elsewhere");
  SHOW(link("elsewhere", "data/dir/third"));
  pair("data/hard1", "data/dir/third");
  SHOW(unlink("data/hard1"));
  pair("elsewhere", "data/dir/third");
  put_file("data/dir/third", "again");
  show_file("elsewhere");
  show_fstat("reader of the second", reader);

  say("-- renaming one name onto another of the same file does nothing");
  SHOW(rename("elsewhere", "data/dir/third"));
  pair("elsewhere", "data/dir/third");
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "elsewhere", AT_FDCWD, "data/dir/third", RENAME_EXCHANGE));
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "elsewhere", AT_FDCWD, "data/dir/third", RENAME_NOREPLACE));

  say("-- many");
  put_file("many0", "text");
  for (int i = 1; i < 50; i++) {
    char name[16];
    snprintf(name, sizeof name, "many%d", i);
    QUIET(link("many0", name));
  }
  pair("many0", "many49");
  for (int i = 0; i < 49; i++) {
    char name[16];
    snprintf(name, sizeof name, "many%d", i);
    QUIET(unlink(name));
  }
  show_stat("many49");

  say("-- a lower file with one name gets a second, then is written through it");
  SHOW(link("data/numbers.txt", "numbers2"));
  pair("data/numbers.txt", "numbers2");
  int fd = SHOW(open("numbers2", O_WRONLY | O_APPEND));
  SHOW(write(fd, "end\n", 4));
  pair("data/numbers.txt", "numbers2");
  SHOW(truncate("data/numbers.txt", 10));
  show_file("numbers2");
  SHOW(unlink("numbers2"));
  show_stat("data/numbers.txt");
  show_fstat("writer", fd);
}
