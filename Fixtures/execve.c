// execve, execveat, fexecve: arguments, environment, scripts, descriptors, refusals, and exec from a thread.
// calls: execve execveat
#include "observe.h"
#include <pthread.h>

static char self[PATH_MAX];
static char *const noEnvironment[] = {NULL};

static void as_child(int argc, char **argv, char **environment) {
  say("  child: argc %d", argc);
  for (int i = 1; i < argc && i < 8; i++) say("  argv[%d] %s", i, quote(argv[i], strlen(argv[i])));
  for (int i = 0; environment[i] && i < 8; i++) say("  env %s", environment[i]);
  char name[16] = "";
  int fd = open("/proc/self/comm", O_RDONLY);
  ssize_t n = read(fd, name, sizeof name);
  close(fd);
  say("  comm %s, fd 30 %s, fd 31 %s", quote(name, n < 0 ? 0 : n), fcntl(30, F_GETFD) < 0 ? "closed" : "open",
      fcntl(31, F_GETFD) < 0 ? "closed" : "open");
}

// Runs in a child, because success does not come back.
static void try(const char *path, char *const argv[], char *const environment[]) {
  IN_CHILD {
    execve(path, argv, environment);
    say("execve %s: %s", path == self ? "<self>" : path, error_name(errno));
  }
}

#define ARGV(...) ((char *const[]){__VA_ARGS__, NULL})

static void script(const char *path, const char *text, mode_t mode) {
  put_file(path, text);
  QUIET(chmod(path, mode));
}

static void scripts(void) {
  say("-- scripts");
  char text[PATH_MAX * 2];
  try("data/script.sh", ARGV("ignored", "one", "two words"), noEnvironment);
  try("data/hello.txt.sh", ARGV("plain"), noEnvironment);
  try("data/badinterp.sh", ARGV("bad"), noEnvironment);
  snprintf(text, sizeof text, "#!%s child   with  spaces  \n", self);
  script("self.sh", text, 0755);
  try("self.sh", ARGV("argv0", "x"), noEnvironment);
  snprintf(text, sizeof text, "#! \t %s\n", self);
  script("spaced.sh", text, 0755);
  try("spaced.sh", ARGV("argv0", "child-last"), noEnvironment);
  script("relative.sh", "#!self.sh second\n", 0755);
  try("./relative.sh", ARGV("argv0", "x"), noEnvironment);
  for (int i = 0; i < 7; i++) {
    char name[16], line[32];
    snprintf(name, sizeof name, "chain%d", i);
    snprintf(line, sizeof line, i ? "#!chain%d\n" : "#!/bin/echo end%d\n", i ? i - 1 : 0);
    script(name, line, 0755);
  }
  try("chain3", ARGV("c"), noEnvironment);
  try("chain4", ARGV("c"), noEnvironment);
  try("chain5", ARGV("c"), noEnvironment);
  try("chain6", ARGV("c"), noEnvironment);
  script("loop.sh", "#!loop.sh\n", 0755);
  try("loop.sh", ARGV("l"), noEnvironment);
  script("empty.sh", "", 0755);
  try("empty.sh", ARGV("e"), noEnvironment);
  script("hash.sh", "#!", 0755);
  try("hash.sh", ARGV("e"), noEnvironment);
  script("blank.sh", "#!   \n", 0755);
  try("blank.sh", ARGV("e"), noEnvironment);
  script("directory.sh", "#!/usr\n", 0755);
  try("directory.sh", ARGV("e"), noEnvironment);
  script("noperm.sh", "#!data/hello.txt\n", 0755);
  try("noperm.sh", ARGV("e"), noEnvironment);
  script("noexec.sh", "#!/bin/sh\n", 0644);
  try("noexec.sh", ARGV("e"), noEnvironment);
  script("unreadable.sh", "#!/bin/echo\n", 0111);
  try("unreadable.sh", ARGV("e"), noEnvironment);
  memset(text, 'x', 400);
  memcpy(text, "#!/bin/echo ", 12);
  strcpy(text + 400, "\n");
  script("long.sh", text, 0755);
  try("long.sh", ARGV("e"), noEnvironment);
  memset(text + 2, '/', 398);
  script("longpath.sh", text, 0755);
  try("longpath.sh", ARGV("e"), noEnvironment);
  QUIET(symlink("self.sh", "link.sh"));
  try("link.sh", ARGV("e"), noEnvironment);
  QUIET(rename("data/script.sh", "renamed.sh"));
  try("renamed.sh", ARGV("e"), noEnvironment);
}

static void refusals(void) {
  say("-- refusals");
  static const char *const paths[] = {"missing", "data/hello.txt", "data/dir", "data/dangling", "data/loop1", "data/fifo",
                                      "data/hello.txt/x", "data/closed/x", "data/empty", "", "/dev/null", "/proc/version"};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) try(paths[i], ARGV("x"), noEnvironment);
  script("garbage", "\177ELFgarbage", 0755);
  try("garbage", ARGV("x"), noEnvironment);
  script("elf32", "\177ELF\001\001\001", 0755);
  try("elf32", ARGV("x"), noEnvironment);
  try(self, (char *const *)bad_pointer(), noEnvironment);
  try(self, ARGV("x"), (char *const *)bad_pointer());
  try(self, ARGV("x", bad_pointer()), noEnvironment);
  SHOW(execve(bad_pointer(), ARGV("x"), noEnvironment));
  SHOW(fexecve(99, ARGV("x"), noEnvironment));
  // One string may have 32 pages at most.
  static char big[32 * 4096 + 1];
  memset(big, 'x', sizeof big - 1);
  try("/bin/true", ARGV("true", big), noEnvironment);
  big[sizeof big - 2] = 0;
  try("/bin/true", ARGV("true", big), noEnvironment);
}

static void descriptors(void) {
  say("-- execveat");
  int fd = open(self, O_RDONLY | O_CLOEXEC), path = open(self, O_PATH | O_CLOEXEC);
  int directory = open(".", O_PATH | O_CLOEXEC), link = open("data/link", O_PATH | O_NOFOLLOW | O_CLOEXEC);
  int scriptfd = open("self.sh", O_RDONLY), closing = open("self.sh", O_RDONLY | O_CLOEXEC);
  IN_CHILD SHOW(fexecve(fd, ARGV("x", "child"), noEnvironment));
  IN_CHILD SHOW(syscall(SYS_execveat, path, "", ARGV("x", "child"), noEnvironment, AT_EMPTY_PATH));
  IN_CHILD SHOW(syscall(SYS_execveat, path, "", ARGV("x", "child"), noEnvironment, 0));
  IN_CHILD SHOW(syscall(SYS_execveat, directory, "data/link", ARGV("x", "child"), noEnvironment, AT_SYMLINK_NOFOLLOW));
  IN_CHILD SHOW(syscall(SYS_execveat, directory, "chain0", ARGV("x", "arg"), noEnvironment, 0));
  IN_CHILD SHOW(syscall(SYS_execveat, directory, "chain0", ARGV("x", "arg"), noEnvironment, 0x8000));
  IN_CHILD SHOW(syscall(SYS_execveat, 99, "chain0", ARGV("x", "arg"), noEnvironment, 0));
  IN_CHILD SHOW(syscall(SYS_execveat, fd, "chain0", ARGV("x", "arg"), noEnvironment, 0));
  IN_CHILD SHOW(syscall(SYS_execveat, link, "", ARGV("x"), noEnvironment, AT_EMPTY_PATH));
  IN_CHILD SHOW(fexecve(scriptfd, ARGV("x"), noEnvironment));
  IN_CHILD SHOW(fexecve(closing, ARGV("x"), noEnvironment));

  say("-- close on exec");
  IN_CHILD {
    dup2(STDIN_FILENO, 30);
    dup3(STDIN_FILENO, 31, O_CLOEXEC);
    execve(self, ARGV("x", "child"), noEnvironment);
  }
  IN_CHILD {
    dup3(STDIN_FILENO, 30, O_CLOEXEC);
    fcntl(30, F_SETFD, 0);
    fcntl(dup2(STDIN_FILENO, 31), F_SETFD, FD_CLOEXEC);
    SHOW(execve("missing", ARGV("x"), noEnvironment));
    SHOW(fcntl(31, F_GETFD));
    execve(self, ARGV("x", "child"), noEnvironment);
  }
}

static void *from_thread(void *unused) {
  (void)unused;
  execve(self, ARGV("x", "child-thread"), noEnvironment);
  return NULL;
}

static void threads(void) {
  say("-- from a thread that is not the leader");
  IN_CHILD {
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("PARENT_PID", pid, 1);
    pthread_t thread;
    pthread_create(&thread, NULL, from_thread, NULL);
    pause();
  }
  say("-- a copy of this program in the working directory, while it runs");
  int in = open(self, O_RDONLY), out = open("copy", O_WRONLY | O_CREAT, 0755);
  char block[65536];
  for (ssize_t n; (n = read(in, block, sizeof block)) > 0;)
    if (write(out, block, n) != n) say("short write");
  close(in);
  IN_CHILD execve("copy", ARGV("x"), noEnvironment);
  SHOW(execve("copy", ARGV("x", "child"), noEnvironment));
  close(out);
  int ready[2];
  QUIET(pipe(ready));
  pid_t pid = fork();
  if (pid == 0) {
    dup2(ready[1], 1);
    execve("copy", ARGV("x", "child-wait"), noEnvironment);
    _exit(1);
  }
  QUIET(read(ready[0], block, 1));
  SHOW(open("copy", O_WRONLY));
  SHOW(truncate("copy", 0));
  SHOW(rename("copy", "copy2"));
  SHOW(unlink("copy2"));
  kill(pid, SIGKILL);
  wait_for("copy", pid);
}

int main(int argc, char **argv, char **environment) {
  if (argc > 1 && !strncmp(argv[1], "child", 5)) {
    as_child(argc, argv, environment);
    if (!strcmp(argv[1], "child-wait")) pause();
    return argc;
  }
  if (argc > 2 && !strncmp(argv[2], "child", 5)) {
    as_child(argc, argv, environment);
    return argc;
  }
  if (argc < 2 && argv[0] && !strcmp(argv[0], "x")) return 77;
  self[readlink("/proc/self/exe", self, sizeof self - 1)] = 0;
  try(self, ARGV("argv0", "child", "", "a b", "\377"), ARGV("A=1", "B=two words", "no equals", ""));
  try(self, ARGV("argv0", "child"), NULL);
  try("/bin/echo", ARGV("echo", "from", "/bin/echo"), noEnvironment);
  scripts();
  refusals();
  descriptors();
  threads();
}
