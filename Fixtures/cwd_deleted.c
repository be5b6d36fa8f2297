// The working directory is removed under the process.
// calls: chdir getcwd mkdir newfstatat openat rename rmdir
#include "observe.h"

static void where(void) {
  char path[PATH_MAX], text[PATH_MAX];
  SHOW(syscall(SYS_getcwd, path, sizeof path) < 0 ? -1 : 0);
  ssize_t n = readlink("/proc/self/cwd", text, sizeof text - 1);
  text[n < 0 ? 0 : n] = 0;
  say("/proc/self/cwd is %s", relative(text));
}

static void inside_removed(const char *name) {
  struct stat st;
  say("-- %s", name);
  QUIET(chdir(name));
  SHOW(rmdir("."));
  char up[64];
  snprintf(up, sizeof up, "../%s", strrchr(name, '/') ? strrchr(name, '/') + 1 : name);
  SHOW(rmdir(up));
  where();
  SHOW(stat(".", &st));
  say("mode %o, links %ld", st.st_mode, (long)st.st_nlink);
  SHOW(stat("..", &st));
  SHOW(access("../data", F_OK));
  SHOW(open("file", O_CREAT | O_WRONLY, 0644));
  SHOW(open("file", O_RDONLY));
  SHOW(open(".", O_RDONLY | O_DIRECTORY));
  SHOW(mkdir("x", 0755));
  SHOW(symlink("x", "y"));
  SHOW(chdir("."));
  SHOW(unlink("x"));
  SHOW(rename("x", "y"));
  SHOW(chmod(".", 0700));
  show_directory(".");
  IN_CHILD {
    where();
    execl("/bin/sh", "sh", "-c", "echo from the shell; cat ../data/hello.txt", NULL);
  }
  closefrom(3);
}

int main(void) {
  int home = QUIET(open(".", O_RDONLY | O_DIRECTORY));
  dup2(home, 50);
  close(home);
  IN_CHILD {
    QUIET(mkdir("new", 0755));
    inside_removed("new");
  }
  IN_CHILD {
    inside_removed("data/emptydir");
  }
  say("-- made again by the same name, it is another directory");
  QUIET(mkdir("again", 0755));
  QUIET(chdir("again"));
  QUIET(rmdir("../again"));
  QUIET(mkdir("../again", 0755));
  put_file("../again/file", "text");
  SHOW(access("file", F_OK));
  where();
  SHOW(chdir("../again"));
  SHOW(access("file", F_OK));
  where();
  SHOW(fchdir(50));

  say("-- replaced by a rename");
  QUIET(mkdir("one", 0755));
  QUIET(mkdir("two", 0755));
  QUIET(chdir("two"));
  SHOW(rename("../one", "../two"));
  where();
  SHOW(chdir(".."));
  SHOW(open("/proc/self/cwd/data/hello.txt", O_RDONLY));
}
