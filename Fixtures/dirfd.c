// Every *at call relative to a directory descriptor, after the directory moved, and with bad descriptors.
// calls: faccessat2 fchmodat fchownat linkat mkdirat mknodat newfstatat openat readlinkat renameat statx symlinkat
// calls: unlinkat utimensat
#include "observe.h"

static void each_call(int fd) {
  // One of each, so that a bad descriptor meets every handler.
  char text[64];
  struct stat st;
  SHOW(openat(fd, "x", O_RDONLY));
  SHOW(fstatat(fd, "x", &st, 0));
  SHOW(faccessat(fd, "x", F_OK, 0));
  SHOW(readlinkat(fd, "x", text, sizeof text));
  SHOW(mkdirat(fd, "x", 0755));
  SHOW(mknodat(fd, "x", S_IFREG | 0644, 0));
  SHOW(symlinkat("target", fd, "x"));
  SHOW(linkat(fd, "x", fd, "y", 0));
  SHOW(renameat(fd, "x", fd, "y"));
  SHOW(unlinkat(fd, "x", 0));
  SHOW(fchmodat(fd, "x", 0644, 0));
  SHOW(fchownat(fd, "x", -1, -1, 0));
  SHOW(utimensat(fd, "x", NULL, 0));
  SHOW(statx(fd, "x", 0, STATX_ALL, &(struct statx){0}));
  SHOW(openat(fd, "/dev/null", O_RDONLY) < 0 ? -1 : 0);
  closefrom(20);
}

static int park(int fd, int number) {
  dup2(fd, number);
  close(fd);
  return number;
}

int main(void) {
  int null = park(QUIET(open("/dev/null", O_RDONLY)), 10);
  int file = park(QUIET(open("data/hello.txt", O_RDONLY)), 11);
  int pathFile = park(QUIET(open("data/hello.txt", O_PATH)), 12);
  int pathLink = park(QUIET(open("data/dirlink", O_PATH | O_NOFOLLOW)), 13);
  say("-- closed");
  each_call(9);
  say("-- negative");
  each_call(-5);
  say("-- a device");
  each_call(null);
  say("-- a file");
  each_call(file);
  say("-- O_PATH of a file");
  each_call(pathFile);
  say("-- O_PATH of a link to a directory");
  each_call(pathLink);

  say("-- a lower directory");
  int data = park(QUIET(open("data", O_RDONLY | O_DIRECTORY)), 14);
  each_call(data);
  say("-- O_PATH of a new directory");
  QUIET(mkdir("new", 0755));
  each_call(park(QUIET(open("new", O_PATH)), 15));
  show_directory("new");

  say("-- success");
  SHOW(mkdirat(data, "made", 0755));
  SHOW(openat(data, "made/file", O_CREAT | O_WRONLY, 0644));
  SHOW(renameat(data, "made/file", AT_FDCWD, "here"));
  SHOW(linkat(AT_FDCWD, "here", data, "made/linked", 0));
  SHOW(symlinkat("linked", data, "made/symlink"));
  SHOW(unlinkat(AT_FDCWD, "here", 0));
  show_directory("data/made");

  say("-- the directory moves");
  SHOW(rename("data", "moved"));
  SHOW(faccessat(data, "hello.txt", F_OK, 0));
  SHOW(faccessat(data, "../moved/hello.txt", F_OK, 0));
  SHOW(faccessat(data, "../data/hello.txt", F_OK, 0));
  SHOW(openat(data, "made/second", O_CREAT | O_WRONLY, 0644));
  show_file("moved/made/second");
  SHOW(mkdir("data", 0755));
  SHOW(faccessat(data, "hello.txt", F_OK, 0));
  SHOW(access("data/hello.txt", F_OK));
  char link[64], text[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", data);
  long n = readlink(link, text, sizeof text - 1);
  text[n < 0 ? 0 : n] = 0;
  say("its name is %s", relative(text));

  say("-- AT_EMPTY_PATH");
  struct stat st;
  SHOW(fstatat(data, "", &st, AT_EMPTY_PATH));
  say_stat("directory", &st);
  SHOW(fstatat(pathLink, "", &st, AT_EMPTY_PATH));
  say_stat("link", &st);
  SHOW(fstatat(pathFile, "", &st, AT_EMPTY_PATH));
  say_stat("file", &st);
  SHOW(fstatat(9, "", &st, AT_EMPTY_PATH));
  SHOW(fstatat(STDIN_FILENO, "", &st, AT_EMPTY_PATH));
  SHOW(openat(data, "", O_RDONLY));
  SHOW(faccessat(data, "", R_OK, AT_EMPTY_PATH));

  say("-- passed to a child");
  IN_CHILD {
    SHOW(faccessat(data, "hello.txt", F_OK, 0));
    QUIET(chdir("/"));
    SHOW(openat(data, "from-child", O_CREAT | O_WRONLY, 0644));
    SHOW(fchdir(data));
    show_stat("from-child");
  }
  SHOW(faccessat(data, "from-child", F_OK, 0));
  SHOW(dup2(data, 3));
  SHOW(faccessat(3, "from-child", F_OK, 0));
}
