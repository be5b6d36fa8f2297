// unlink and unlinkat.
// calls: unlink unlinkat
#include "observe.h"

int main(void) {
  put_file("new", "text");
  SHOW(unlink("new"));
  SHOW(unlink("new"));
  SHOW(unlink("data/hello.txt"));
  show_stat("data/hello.txt");
  SHOW(open("data/link", O_RDONLY));
  SHOW(unlink("data/link"));
  SHOW(unlink("data/dangling"));
  SHOW(unlink("data/loop1"));
  SHOW(unlink("data/dirlink/a"));
  SHOW(unlink("data/dirlink"));
  SHOW(unlink("data/fifo"));
  SHOW(unlink("data/caf\351.txt"));
  SHOW(unlink("data/new\nline"));
  show_directory("data/dir");

  say("-- refusals");
  SHOW(unlink("data/dir"));
  SHOW(unlink("data/dir/"));
  SHOW(unlink("data/empty/"));
  SHOW(unlink("data/up/"));
  SHOW(unlink("."));
  SHOW(unlink("/"));
  SHOW(unlink(""));
  SHOW(unlink(bad_pointer()));
  SHOW(unlink("data/missing/x"));
  SHOW(unlink("data/empty/x"));
  SHOW(unlink("data/loop2/x"));
  SHOW(unlink("data/locked/inside"));
  SHOW(unlink("data/closed/inside"));
  SHOW(unlink("data/foreign/public"));
  SHOW(unlink("data/foreign/sticky/file"));

  say("-- unlinkat");
  int data = SHOW(open("data", O_RDONLY | O_DIRECTORY));
  SHOW(unlinkat(data, "empty", 0));
  SHOW(unlinkat(data, "emptydir", 0));
  SHOW(unlinkat(data, "emptydir", AT_REMOVEDIR));
  SHOW(unlinkat(data, "numbers.txt", AT_REMOVEDIR));
  SHOW(unlinkat(data, "numbers.txt", 0x1));
  SHOW(unlinkat(data, "dir", AT_REMOVEDIR));
  SHOW(unlinkat(99, "empty", 0));
  SHOW(unlinkat(STDIN_FILENO, "empty", 0));

  say("-- write, unlink, create again");
  put_file("data/dir/b", "changed");
  SHOW(unlink("data/dir/b"));
  SHOW(access("data/dir/b", F_OK));
  int fd = SHOW(open("data/dir/b", O_RDWR | O_CREAT | O_EXCL, 0600));
  show_fstat("again", fd);
  SHOW(unlink("data/dir/b"));
  show_fstat("gone", fd);
  show_directory("data/dir");

  say("-- a whole lower directory");
  int removed = 0;
  for (int i = 0; i < 200; i += 2) {
    char name[32];
    snprintf(name, sizeof name, "data/many/f%03d", i);
    removed += unlink(name) == 0;
  }
  say("removed %d", removed);
  SHOW(access("data/many/f000", F_OK));
  SHOW(access("data/many/f001", F_OK));
  SHOW(rmdir("data/many"));
  show_directory("data/many");
}
