// mkdir, mkdirat, rmdir.
// calls: mkdir mkdirat rmdir
#include "observe.h"

int main(void) {
  SHOW(mkdir("one", 0777));
  SHOW(mkdir("one", 0777));
  SHOW(mkdir("one/two/three", 0777));
  SHOW(mkdir("one/two/", 0750));
  SHOW(mkdir("one/two/three///", 07777));
  show_stat("one");
  show_stat("one/two");
  show_stat("one/two/three");
  umask(077);
  SHOW(mkdir("private", 0777));
  umask(0);
  SHOW(mkdir("open", 01777));
  umask(022);
  show_stat("private");
  show_stat("open");
  SHOW(mkdir("data/newdir", 0755));
  SHOW(mkdir("data/dir/sub/new", 0755));
  SHOW(mkdir("data/setgid/child", 0755));
  show_stat("data/setgid/child");

  say("-- refusals");
  SHOW(mkdir("data/hello.txt", 0777));
  SHOW(mkdir("data/hello.txt/x", 0777));
  SHOW(mkdir("data/link", 0777));
  SHOW(mkdir("data/dangling", 0777));
  SHOW(mkdir("data/dangling/", 0777));
  SHOW(mkdir("data/dirlink", 0777));
  SHOW(mkdir("data/dirlink/new", 0777));
  SHOW(mkdir("data/loop1/x", 0777));
  SHOW(mkdir("data/loop1", 0777));
  SHOW(mkdir(".", 0777));
  SHOW(mkdir("..", 0777));
  SHOW(mkdir("/", 0777));
  SHOW(mkdir("one/.", 0777));
  SHOW(mkdir("one/..", 0777));
  SHOW(mkdir("fresh/.", 0777));
  SHOW(mkdir("", 0777));
  SHOW(mkdir(bad_pointer(), 0777));
  SHOW(mkdir("data/locked/new", 0777));
  SHOW(mkdir("data/closed/new", 0777));
  SHOW(mkdir("data/foreign/new", 0777));
  SHOW(mkdirat(99, "x", 0777));
  SHOW(mkdirat(STDIN_FILENO, "x", 0777));

  say("-- rmdir");
  SHOW(rmdir("data/emptydir"));
  SHOW(rmdir("data/emptydir"));
  SHOW(mkdir("data/emptydir", 0700));
  show_stat("data/emptydir");
  show_directory("data/emptydir");
  SHOW(rmdir("data/dir"));
  SHOW(rmdir("data/hello.txt"));
  SHOW(rmdir("data/dirlink"));
  SHOW(rmdir("data/dirlink/"));
  SHOW(rmdir("data/link"));
  SHOW(rmdir("one/two/three/"));
  SHOW(rmdir("one/."));
  SHOW(rmdir("one/two/.."));
  SHOW(rmdir("."));
  SHOW(rmdir("/"));
  SHOW(rmdir(""));
  SHOW(rmdir(bad_pointer()));
  SHOW(rmdir("data/missing"));
  SHOW(rmdir("data/missing/x"));
  SHOW(rmdir("data/hello.txt/x"));
  SHOW(rmdir("data/foreign/dir"));
  SHOW(rmdir("data/locked"));

  say("-- a lower directory that is emptied, removed and made again shows nothing of the old one");
  SHOW(unlink("data/dir/a"));
  SHOW(unlink("data/dir/b"));
  SHOW(unlink("data/dir/c"));
  SHOW(rmdir("data/dir"));
  SHOW(unlink("data/dir/sub/deep/file"));
  SHOW(rmdir("data/dir/sub/deep"));
  SHOW(rmdir("data/dir/sub/new"));
  SHOW(rmdir("data/dir/new"));
  SHOW(rmdir("data/dir/sub"));
  SHOW(rmdir("data/dir"));
  show_stat("data/dir");
  SHOW(mkdir("data/dir", 0711));
  show_directory("data/dir");
  SHOW(open("data/dir/a", O_RDONLY));
  show_stat("data/dir");
  show_directory(".");
}
