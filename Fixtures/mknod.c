// mknod and mknodat of what needs no privilege. Devices are in privileged.c.
// calls: mknodat
#include "observe.h"
#include <sys/sysmacros.h>

int main(void) {
  SHOW(mknod("file", S_IFREG | 0666, 0));
  show_stat("file");
  SHOW(mknod("zero", 0640, 0));
  show_stat("zero");
  SHOW(mknod("fifo", S_IFIFO | 0666, 0));
  show_stat("fifo");
  SHOW(mknod("socket", S_IFSOCK | 0777, 0));
  show_stat("socket");
  SHOW(mknod("data/dir/fifo", S_IFIFO | 0600, makedev(1, 3)));
  show_stat("data/dir/fifo");
  SHOW(mknod("setuid", S_IFREG | 06777, 0));
  show_stat("setuid");

  say("-- refusals");
  SHOW(mknod("directory", S_IFDIR | 0777, 0));
  SHOW(mknod("link", S_IFLNK | 0777, 0));
  SHOW(mknod("odd", 0110000 | 0777, 0));
  SHOW(mknod("file", S_IFREG | 0666, 0));
  SHOW(mknod("data/dir", S_IFREG | 0666, 0));
  SHOW(mknod("data/dangling", S_IFREG | 0666, 0));
  SHOW(mknod("slash/", S_IFREG | 0666, 0));
  SHOW(mknod("data/missing/x", S_IFREG | 0666, 0));
  SHOW(mknod("file/x", S_IFREG | 0666, 0));
  SHOW(mknod("data/loop1/x", S_IFREG | 0666, 0));
  SHOW(mknod("", S_IFREG | 0666, 0));
  SHOW(mknod(".", S_IFREG | 0666, 0));
  SHOW(mknod("data/locked/x", S_IFREG | 0666, 0));
  SHOW(mknod("data/foreign/x", S_IFIFO | 0666, 0));
  SHOW(mknod(bad_pointer(), S_IFREG | 0666, 0));
  SHOW(mknodat(99, "x", S_IFREG | 0666, 0));
  SHOW(mknodat(STDIN_FILENO, "x", S_IFREG | 0666, 0));

  int data = SHOW(open("data", O_PATH));
  SHOW(mknodat(data, "at", S_IFIFO | 0644, 0));
  SHOW(mkfifoat(data, "at", 0644));
  show_stat("data/at");
  SHOW(open("socket", O_RDWR));
  SHOW(open("socket", O_PATH));
  SHOW(unlink("socket"));
  SHOW(unlink("fifo"));
  show_directory(".");
}
