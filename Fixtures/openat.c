// open, openat and creat: creation, truncation, kinds of file, permissions and the errno of each refusal.
// calls: creat openat
#include "observe.h"

static void creation(void) {
  say("-- creation");
  SHOW(openat(AT_FDCWD, "new", O_RDWR | O_CREAT | O_EXCL, 0666));
  SHOW(openat(AT_FDCWD, "new", O_RDWR | O_CREAT | O_EXCL, 0666));
  show_stat("new");
  SHOW(open("new777", O_WRONLY | O_CREAT, 07777));
  show_stat("new777");
  SHOW(creat("created", 0200));
  show_stat("created");
  SHOW(open("data/newbelow", O_WRONLY | O_CREAT, 0444));
  SHOW(write(6, "text", 4));
  show_file("data/newbelow");
  SHOW(open("readonly-but-writable-now", O_RDWR | O_CREAT, 0000));
  SHOW(write(7, "abc", 3));
  show_stat("readonly-but-writable-now");
  SHOW(open("data/setgid/child", O_WRONLY | O_CREAT, 0666));
  show_stat("data/setgid/child");
  SHOW(open("nodir/file", O_WRONLY | O_CREAT, 0666));
  SHOW(open("new/file", O_WRONLY | O_CREAT, 0666));
  SHOW(open("slash/", O_WRONLY | O_CREAT, 0666));
  SHOW(open("new/", O_RDONLY));
  SHOW(open("data/dir", O_RDONLY | O_CREAT, 0666));
  SHOW(open("data/dir", O_RDONLY | O_CREAT | O_EXCL, 0666));
  SHOW(open("newdir", O_RDONLY | O_CREAT | O_DIRECTORY, 0777));
  SHOW(open(".", O_WRONLY | O_CREAT, 0777));
  SHOW(open("data/..", O_RDONLY | O_CREAT, 0777));
  closefrom(3);
}

static void truncation(void) {
  say("-- truncation");
  SHOW(open("data/numbers.txt", O_WRONLY | O_TRUNC));
  show_stat("data/numbers.txt");
  SHOW(open("data/hello.txt", O_RDONLY | O_TRUNC));
  show_stat("data/hello.txt");
  SHOW(open("data/dir", O_RDONLY | O_TRUNC));
  SHOW(open("data/empty", O_RDWR | O_TRUNC | O_CREAT | O_EXCL, 0600));
  closefrom(3);
}

static void copy_up(void) {
  say("-- copy up");
  char text[64] = "";
  int reader = SHOW(open("data/dir/c", O_RDONLY));
  int writer = SHOW(open("data/dir/c", O_RDWR));
  SHOW(read(writer, text, 2));
  SHOW(write(writer, "X", 1));
  show_file("data/dir/c");
  SHOW(pread(reader, text, 64, 0));
  say("an older reader sees %s", quote(text, 4));
  show_fstat("the older reader", reader);
  show_stat("data/dir/c");
  show_directory("data/dir");
  closefrom(3);
}

static void kinds(void) {
  say("-- kinds");
  SHOW(open("data/hello.txt", O_RDONLY | O_DIRECTORY));
  SHOW(open("data/dir", O_WRONLY));
  SHOW(open("data/dir", O_RDWR));
  SHOW(open("data/dir", O_RDONLY | O_DIRECTORY));
  SHOW(open("data/dir/", O_RDONLY));
  SHOW(open("data/link", O_RDONLY | O_NOFOLLOW));
  SHOW(open("data/dirlink", O_RDONLY | O_NOFOLLOW));
  SHOW(open("data/dirlink", O_RDONLY | O_NOFOLLOW | O_DIRECTORY));
  SHOW(open("data/dirlink/", O_RDONLY | O_NOFOLLOW));
  SHOW(open("data/dirlink/a", O_RDONLY | O_NOFOLLOW));
  SHOW(open("data/dangling", O_RDONLY));
  SHOW(open("data/dangling", O_WRONLY | O_CREAT | O_EXCL, 0666));
  SHOW(open("data/dangling", O_WRONLY | O_CREAT | O_NOFOLLOW, 0666));
  SHOW(open("data/dangling", O_WRONLY | O_CREAT, 0666));
  show_stat("data/nowhere");
  SHOW(open("data/loop1", O_RDONLY));
  SHOW(open("data/loop1", O_WRONLY | O_CREAT, 0666));
  SHOW(open("data/absolute", O_RDONLY));
  SHOW(open("data/winding", O_RDONLY));
  SHOW(open("data/sparse", O_RDONLY | O_NONBLOCK | O_SYNC | O_NOCTTY));
  SHOW(open("/", O_RDONLY | O_DIRECTORY));
  SHOW(open("", O_RDONLY));
  SHOW(open(bad_pointer(), O_RDONLY));
  closefrom(3);
}

static void permissions(void) {
  say("-- permissions");
  static const char *const names[] = {"data/noaccess",        "data/readonly",       "data/secret",
                                      "data/closed/inside",   "data/closed/missing", "data/locked/inside",
                                      "data/foreign/private", "data/foreign/public", "data/foreign/shared"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
    for (int m = 0; m < 3; m++) {
      int fd = open(names[i], modes[m]);
      say("open %s mode %d: %s", names[i], m, fd < 0 ? error_name(errno) : "open");
      if (fd >= 0) close(fd);
    }
  }
  SHOW(open("data/locked/new", O_WRONLY | O_CREAT, 0666));
  SHOW(open("data/foreign/new", O_WRONLY | O_CREAT, 0666));
  SHOW(open("data/foreign/public", O_RDONLY | O_CREAT, 0666));
  SHOW(open("data/foreign/public", O_RDONLY | O_TRUNC));
  SHOW(open("data/foreign/sticky/new", O_WRONLY | O_CREAT, 0666));
  SHOW(open("data/foreign/public", O_RDONLY | O_NOATIME));
  SHOW(open("data/secret", O_RDONLY | O_NOATIME));
  show_file("data/noaccess");
  closefrom(3);
}

static void limits(void) {
  say("-- limits");
  struct rlimit limit = {5, 5};
  QUIET(setrlimit(RLIMIT_NOFILE, &limit));
  SHOW(open("data/dir/a", O_RDONLY));
  SHOW(open("data/dir/a", O_RDONLY));
  SHOW(open("data/dir/a", O_RDONLY));
  SHOW(open("missing", O_RDONLY));
  SHOW(open("made-in-vain", O_WRONLY | O_CREAT, 0666));
  show_stat("made-in-vain");
  close(3);
  SHOW(open("data/dir/b", O_RDONLY));
}

int main(void) {
  creation();
  truncation();
  copy_up();
  kinds();
  permissions();
  IN_CHILD limits();
  SHOW(openat(99, "data", O_RDONLY));
  SHOW(openat(-1, "data", O_RDONLY));
  SHOW(openat(STDOUT_FILENO, "data", O_RDONLY));
  show_directory(".");
}
