// A table of descriptors without a free number: nothing is made, emptied or looked up.
// calls: open openat openat2 creat prlimit64 dup2
#include "observe.h"
#include <linux/openat2.h>

static void size(const char *path) {
  struct stat st;
  if (stat(path, &st)) say("%s: %s", path, error_name(errno));
  else say("%s: %lld bytes", path, (long long)st.st_size);
}

static void try_all(void) {
  SHOW(open("file", O_WRONLY | O_TRUNC));
  SHOW(open("file", O_WRONLY | O_CREAT | O_TRUNC, 0644));
  SHOW(open("data/hello.txt", O_WRONLY | O_TRUNC));
  SHOW(open("new", O_WRONLY | O_CREAT, 0644));
  SHOW(open("missing/new", O_WRONLY | O_CREAT, 0644));
  SHOW(open("file", O_WRONLY | O_CREAT | O_EXCL, 0644));
  SHOW(open("", O_CREAT | O_RDWR, 0644));
  SHOW(open("file/", O_CREAT | O_RDWR, 0644));
  SHOW(open(bad_pointer(), O_CREAT | O_RDWR, 0644));
  SHOW(open("file", O_CREAT | O_DIRECTORY, 0644));
  SHOW(creat("data", 0644));
  SHOW(openat(77, "x", O_CREAT | O_WRONLY, 0644));
  struct open_how how = {.flags = O_WRONLY | O_TRUNC};
  SHOW(syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof how));
  SHOW(open("file", O_RDONLY));
}

int main(void) {
  put_file("file", "kept\n");
  struct rlimit limit = {16, 16};
  QUIET(setrlimit(RLIMIT_NOFILE, &limit));
  int last = -1;
  for (int fd; (fd = dup(0)) >= 0;) last = fd;
  say("the last is %d", last);
  say("-- none is left");
  try_all();
  size("file");
  size("data/hello.txt");
  size("new");

  say("-- one is left");
  close(9);
  SHOW(open("file", O_WRONLY | O_TRUNC));
  size("file");
  close(9);

  say("-- more are open than the limit lets, and one is free");
  limit.rlim_cur = 12;
  QUIET(setrlimit(RLIMIT_NOFILE, &limit));
  SHOW(open("new", O_WRONLY | O_CREAT, 0644));
  SHOW(open("other", O_WRONLY | O_CREAT, 0644));
  size("new");
  size("other");
  limit.rlim_cur = 0;
  QUIET(setrlimit(RLIMIT_NOFILE, &limit));
  close(3);
  SHOW(open("other", O_WRONLY | O_CREAT, 0644));
  return 0;
}
