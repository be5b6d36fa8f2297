// chdir, fchdir, getcwd.
// calls: chdir fchdir getcwd
#include "observe.h"
#include <pthread.h>

static void where(const char *label) {
  char path[PATH_MAX];
  long n = syscall(SYS_getcwd, path, sizeof path);
  if (n < 0) say("%s: %s", label, error_name(errno));
  else say("%s: %s, length right %d", label, relative(path), n == (long)strlen(path) + 1);
}

static void *in_thread(void *unused) {
  (void)unused;
  SHOW(chdir("sub"));
  where("thread");
  return NULL;
}

int main(void) {
  char path[PATH_MAX];
  where("start");
  SHOW(chdir("data"));
  where("data");
  show_file("hello.txt");
  SHOW(chdir("dirlink"));
  where("through a link");
  show_file("a");
  SHOW(chdir("sub/deep/../.."));
  where("dots");
  SHOW(chdir(".."));
  SHOW(chdir(".."));
  where("up");
  SHOW(chdir("data/up/data/up/data/dirlink/sub/"));
  where("links");
  SHOW(chdir("../../.."));
  SHOW(chdir("."));
  where("back");

  say("-- new directories");
  SHOW(mkdir("new", 0755));
  SHOW(chdir("new"));
  put_file("file", "text");
  where("new");
  SHOW(rename("../new", "../renamed"));
  where("renamed");
  show_file("file");
  SHOW(chdir(".."));
  show_file("renamed/file");
  SHOW(chdir("data/dir"));
  SHOW(rename("../dir", "../../elsewhere"));
  where("a lower directory, renamed");
  show_file("a");
  SHOW(access("../data", F_OK));
  SHOW(chdir(".."));
  where("its new parent");

  say("-- refusals");
  SHOW(chdir("data/hello.txt"));
  SHOW(chdir("data/link"));
  SHOW(chdir("data/missing"));
  SHOW(chdir("data/dangling"));
  SHOW(chdir("data/loop1"));
  SHOW(chdir("data/fifo"));
  SHOW(chdir("data/hello.txt/x"));
  SHOW(chdir("data/foreign"));
  SHOW(chdir("../.."));
  SHOW(chdir(""));
  SHOW(chdir(bad_pointer()));
  IN_CHILD {
    SHOW(chdir("/"));
    where("root");
    SHOW(chdir(".."));
    where("above the root");
    SHOW(chdir("/proc/self"));
    SHOW(chdir("/dev"));
    where("dev");
    SHOW(chdir("/usr"));
    where("usr");
  }
  where("a child's chdir is its own");

  say("-- fchdir");
  SHOW(fchdir(99));
  SHOW(fchdir(STDIN_FILENO));
  int deep = SHOW(open("elsewhere/sub/deep", O_RDONLY | O_DIRECTORY));
  int dev = SHOW(open("/dev", O_PATH));
  int null = SHOW(open("/dev/null", O_RDONLY));
  int home = SHOW(open(".", O_PATH));
  SHOW(fchdir(deep));
  where("deep");
  show_file("file");
  SHOW(fchdir(dev));
  where("dev");
  SHOW(fchdir(null));
  SHOW(fchdir(home));
  where("home");

  say("-- getcwd");
  SHOW(syscall(SYS_getcwd, path, 0));
  SHOW(syscall(SYS_getcwd, path, 1));
  SHOW(syscall(SYS_getcwd, path, 2));
  SHOW(syscall(SYS_getcwd, bad_pointer(), PATH_MAX));

  say("-- search permission");
  QUIET(mkdir("shut", 0700));
  QUIET(mkdir("shut/inner", 0700));
  int inner = SHOW(open("shut/inner", O_PATH));
  QUIET(chmod("shut/inner", 0));
  SHOW(chdir("shut/inner"));
  SHOW(fchdir(home));
  SHOW(fchdir(inner));
  SHOW(fchdir(home));
  QUIET(chmod("shut", 0100));
  SHOW(chdir("shut"));
  SHOW(open(".", O_RDONLY));
  QUIET(fchdir(home));

  say("-- threads share it");
  QUIET(chdir("elsewhere"));
  pthread_t thread;
  pthread_create(&thread, NULL, in_thread, NULL);
  pthread_join(thread, NULL);
  where("main");
  SHOW(symlink("../../data", "out"));
  SHOW(chdir("out"));
  where("through a new link");
  show_file("readonly");
}
