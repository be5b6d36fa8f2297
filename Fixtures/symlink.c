// symlink and symlinkat.
// calls: symlink symlinkat
#include "observe.h"

int main(void) {
  SHOW(symlink("data/hello.txt", "link"));
  show_stat("link");
  show_file("link");
  SHOW(symlink("x", "link"));
  SHOW(symlink("link", "data/self"));
  show_file("data/self");
  SHOW(symlink("self2", "self2"));
  SHOW(open("self2", O_RDONLY));
  SHOW(symlink("data", "d"));
  show_file("d/dir/a");
  SHOW(symlink("../hello.txt", "data/dir/back"));
  show_file("data/dir/back");
  show_file("d/dir/back");
  SHOW(symlink("/", "root"));
  SHOW(access("root/dev/null", R_OK));
  SHOW(symlink("target/", "slash"));
  SHOW(mkdir("target", 0755));
  SHOW(access("slash", F_OK));
  SHOW(symlink(".", "here"));
  SHOW(access("here/here/here/data/here", F_OK));
  SHOW(access("here/here/here/data", F_OK));

  say("-- refusals");
  SHOW(symlink("", "empty"));
  SHOW(symlink("x", ""));
  SHOW(symlink("x", "data/missing/x"));
  SHOW(symlink("x", "data/hello.txt/x"));
  SHOW(symlink("x", "new/"));
  SHOW(symlink("x", "."));
  SHOW(symlink("x", "data/dangling"));
  SHOW(symlink("x", "data/dir"));
  SHOW(symlink("x", "data/locked/x"));
  SHOW(symlink("x", "data/foreign/x"));
  SHOW(symlink("x", "data/loop1/x"));
  SHOW(symlink(bad_pointer(), "x"));
  SHOW(symlink("x", bad_pointer()));
  SHOW(symlinkat("x", 99, "y"));
  SHOW(symlinkat("x", STDIN_FILENO, "y"));
  char target[PATH_MAX + 1];
  memset(target, 'a', sizeof target);
  target[PATH_MAX] = 0;
  SHOW(symlink(target, "long"));
  target[PATH_MAX - 1] = 0;
  CHECK(symlink(target, "long"));
  SHOW(open("long", O_RDONLY));

  say("-- chains of links end at forty");
  QUIET(symlink("data/hello.txt", "chain0"));
  for (int i = 1; i <= 41; i++) {
    char from[16], to[16];
    snprintf(from, sizeof from, "chain%d", i);
    snprintf(to, sizeof to, "chain%d", i - 1);
    QUIET(symlink(to, from));
  }
  SHOW(access("chain38", F_OK));
  SHOW(access("chain39", F_OK));
  SHOW(access("chain40", F_OK));

  int data = SHOW(open("data", O_PATH));
  SHOW(symlinkat("hello.txt", data, "at"));
  show_file("data/at");
  show_directory("data/dir");
}
