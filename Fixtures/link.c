// link and linkat.
// calls: link linkat
#include "observe.h"

int main(void) {
  put_file("one", "text");
  SHOW(link("one", "two"));
  SHOW(link("one", "two"));
  show_stat("one");
  put_file("two", "other");
  show_file("one");
  SHOW(unlink("one"));
  show_stat("two");

  say("-- of a lower file");
  SHOW(link("data/hello.txt", "data/dir/hello"));
  show_stat("data/hello.txt");
  show_stat("data/dir/hello");
  put_file("data/dir/hello", "through the new name");
  show_file("data/hello.txt");
  put_file("data/hard1", "through the first name");
  show_file("data/hard2");
  show_stat("data/hard2");
  SHOW(link("data/hard2", "hard3"));
  show_stat("data/hard1");
  SHOW(unlink("data/hard1"));
  show_stat("hard3");

  say("-- of other kinds");
  SHOW(link("data/fifo", "fifo2"));
  show_stat("fifo2");
  SHOW(link("data/link", "link2"));
  show_stat("link2");
  SHOW(linkat(AT_FDCWD, "data/link", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
  show_stat("followed");
  SHOW(link("data/dangling", "dangling2"));
  SHOW(linkat(AT_FDCWD, "data/dangling", AT_FDCWD, "dangling3", AT_SYMLINK_FOLLOW));
  SHOW(link("data/dir", "dir2"));
  SHOW(link("data/dirlink/", "dir3"));

  say("-- refusals");
  SHOW(link("data/missing", "x"));
  SHOW(link("two", "data/missing/x"));
  SHOW(link("two", "two"));
  SHOW(link("two", "data/dir"));
  SHOW(link("two", "data/dangling"));
  SHOW(link("two", "slash/"));
  SHOW(link("two/", "x"));
  SHOW(link("two/x", "x"));
  SHOW(link("two", "two/x"));
  SHOW(link("", "x"));
  SHOW(link("two", ""));
  SHOW(link("data/loop1/x", "x"));
  SHOW(link(bad_pointer(), "x"));
  SHOW(link("two", bad_pointer()));
  SHOW(link("two", "data/locked/x"));
  SHOW(link("two", "data/foreign/x"));
  SHOW(link("data/foreign/private", "x"));
  SHOW(link("two", "/proc/x"));
  SHOW(linkat(99, "two", AT_FDCWD, "x", 0));
  SHOW(linkat(AT_FDCWD, "two", 99, "x", 0));
  SHOW(linkat(AT_FDCWD, "two", AT_FDCWD, "x", 0x8000));
  SHOW(linkat(AT_FDCWD, "", AT_FDCWD, "x", 0));

  say("-- by descriptor");
  int fd = SHOW(open("two", O_RDONLY));
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  SHOW(linkat(AT_FDCWD, path, AT_FDCWD, "by-proc", AT_SYMLINK_FOLLOW));
  show_stat("by-proc");
  SHOW(unlink("two"));
  SHOW(unlink("by-proc"));
  SHOW(linkat(AT_FDCWD, path, AT_FDCWD, "revived", AT_SYMLINK_FOLLOW));
  show_fstat("descriptor", fd);
  show_directory(".");
}
