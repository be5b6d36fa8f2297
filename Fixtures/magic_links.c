// Links of /proc that lead to a file itself: one that was removed, replaced, or never had a name.
// calls: access chdir chmod execve fchdir getcwd getxattr linkat memfd_create openat setxattr stat truncate utimensat
#include "observe.h"
#include <sys/xattr.h>

#define ARGV(...) ((char *const[]){__VA_ARGS__, NULL})

static char *const none[] = {NULL};
static char link_path[64];

static const char *by_link(int fd) {
  snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", fd);
  return link_path;
}

static void copy_of(const char *program, int to) {
  char block[65536];
  int in = QUIET(open(program, O_RDONLY | O_CLOEXEC));
  for (ssize_t n; (n = read(in, block, sizeof block)) > 0;) QUIET(write(to, block, n));
  close(in);
}

static void put_program(const char *path) {
  int fd = QUIET(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755));
  copy_of("/bin/echo", fd);
  close(fd);
}

static off_t size(int fd) {
  struct stat st;
  return fstat(fd, &st) < 0 ? -1 : st.st_size;
}

static int reopened(int fd, int flags, mode_t mode) {
  errno = 0;
  int again = open(by_link(fd), flags, mode);
  say("  open %#x: %s, size %lld", flags, again < 0 ? error_name(errno) : "0", (long long)size(fd));
  if (again >= 0) {
    say("  flags %#x", fcntl(again, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
    close(again);
  }
  return again;
}

static void change(const char *what, int fd) {
  char value[16];
  say("-- %s", what);
  if (fd < 0) return;
  QUIET(ftruncate(fd, 8192));
  reopened(fd, O_RDWR | O_TRUNC, 0);
  QUIET(ftruncate(fd, 8192));
  reopened(fd, O_RDONLY | O_TRUNC, 0);
  QUIET(ftruncate(fd, 8192));
  reopened(fd, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  reopened(fd, O_RDWR | O_CREAT | O_EXCL, 0600);
  reopened(fd, O_WRONLY | O_APPEND, 0);
  reopened(fd, O_RDONLY | O_NOFOLLOW, 0);
  reopened(fd, O_RDONLY | O_DIRECTORY, 0);
  SHOW(truncate(by_link(fd), 100));
  say("size %lld", (long long)size(fd));
  SHOW(truncate(by_link(fd), -1));
  SHOW(chmod(by_link(fd), 0640));
  show_fstat("changed", fd);
  SHOW(access(by_link(fd), R_OK));
  SHOW(access(by_link(fd), X_OK));
  SHOW(utimensat(AT_FDCWD, by_link(fd), (struct timespec[]){{1000, 0}, {2000, 0}}, 0));
  struct stat st;
  SHOW(stat(by_link(fd), &st));
  say("times %ld %ld", (long)st.st_atime, (long)st.st_mtime);
  SHOW(getxattr(by_link(fd), "user.none", value, sizeof value));
  SHOW(linkat(AT_FDCWD, by_link(fd), AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
  show_stat("linked");
  unlink("linked");
  SHOW(linkat(fd, "", AT_FDCWD, "linked", AT_EMPTY_PATH));
  unlink("linked");
  SHOW(linkat(AT_FDCWD, by_link(fd), AT_FDCWD, "linked", 0));
}

static void run(const char *path, const char *word) {
  pid_t pid = fork();
  if (pid == 0) {
    execve(path, ARGV("echo", (char *)word), none);
    say("execve: %s", error_name(errno));
    _exit(1);
  }
  wait_for(word, pid);
}

// What a process that runs a removed or replaced program sees of itself, and that it can be run again.
static void itself(void) {
  struct stat st;
  char text[8];
  SHOW(access("/proc/self/exe", R_OK | X_OK));
  SHOW(stat("/proc/self/exe", &st));
  say("mode %o links %ld large %d", st.st_mode, (long)st.st_nlink, st.st_size > 4096);
  int fd = SHOW(open("/proc/self/exe", O_RDONLY));
  SHOW(read(fd, text, 4));
  say("%s", quote(text, 4));
  close(fd);
  SHOW(open("/proc/self/exe", O_RDWR));
  SHOW(truncate("/proc/self/exe", 5));
}

// Many programs at once that each run themselves by /proc/self/exe: none may become another.
static void themselves(void) {
  char text[PATH_MAX];
  for (int i = 0; i < 4; i++) {
    snprintf(text, sizeof text, "program%d", i);
    int fd = QUIET(open(text, O_WRONLY | O_CREAT | O_TRUNC, 0755));
    copy_of("/proc/self/exe", fd);
    close(fd);
    if (fork() == 0) {
      execve(text, ARGV("again", text, "100"), none);
      _exit(99);
    }
  }
  int bad = 0, status;
  while (wait(&status) > 0) bad += status != 0;
  say("became another: %d", bad);
}

static int again(const char *name, int count) {
  char text[PATH_MAX] = "", number[16];
  ssize_t length = readlink("/proc/self/exe", text, sizeof text - 1);
  if (length < 0 || !strstr(text, name)) return 1;
  if (count == 0) return 0;
  snprintf(number, sizeof number, "%d", count - 1);
  execve(count % 2 ? "/proc/self/exe" : "/proc/thread-self/exe", ARGV("again", (char *)name, number), none);
  return 2;
}

int main(int count, char **arguments) {
  if (count > 2) return again(arguments[1], atoi(arguments[2]));
  if (count > 1 && !strcmp(arguments[1], "removed")) {
    SHOW(unlink("self"));
    itself();
    execve("/proc/self/exe", ARGV("self", "again"), none);
    say("execve: %s", error_name(errno));
    return 1;
  }
  if (count > 1 && !strcmp(arguments[1], "replaced")) {
    put_file("new", "#!/bin/sh\necho the new one\n");
    chmod("new", 0755);
    SHOW(rename("new", "self"));
    itself();
    execve("/proc/self/exe", ARGV("self", "again"), none);
    say("execve: %s", error_name(errno));
    return 1;
  }
  if (count > 1) {
    char text[PATH_MAX] = "";
    ssize_t length = readlink("/proc/self/exe", text, sizeof text - 1);
    say("again: %s", length < 0 ? error_name(errno) : relative(text));
    return 7;
  }
  int fd = memfd_create("x", MFD_ALLOW_SEALING);
  change("a memory file", fd);
  QUIET(ftruncate(fd, 8192));
  SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
  reopened(fd, O_RDWR | O_TRUNC, 0);
  SHOW(truncate(by_link(fd), 5));
  SHOW(truncate(by_link(fd), 9000));
  SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW));
  SHOW(truncate(by_link(fd), 10000));
  reopened(fd, O_RDWR, 0);
  int again = SHOW(open(by_link(fd), O_RDONLY));
  SHOW(fcntl(again, F_GET_SEALS));
  closefrom(3);
  change("a file", open("named", O_RDWR | O_CREAT, 0600));
  fd = open("gone", O_RDWR | O_CREAT, 0600);
  QUIET(unlink("gone"));
  change("a removed file", fd);
  change("a file without a name", open(".", O_TMPFILE | O_RDWR, 0600));
  fd = open("data/numbers.txt", O_RDWR);
  QUIET(unlink("data/numbers.txt"));
  change("a removed file of the tree", fd);
  fd = open("old", O_RDWR | O_CREAT, 0600);
  put_file("newer", "newer");
  QUIET(rename("newer", "old"));
  change("a replaced file", fd);
  show_file("old");
  closefrom(3);

  say("-- what cannot be cut");
  int ends[2];
  QUIET(pipe(ends));
  SHOW(truncate(by_link(ends[0]), 0));
  SHOW(truncate(by_link(QUIET(socket(AF_UNIX, SOCK_STREAM, 0))), 0));
  SHOW(truncate(by_link(QUIET(open(".", O_RDONLY))), 0));
  SHOW(access(by_link(ends[0]), R_OK | W_OK));
  SHOW(access(by_link(ends[0]), X_OK));
  closefrom(3);

  say("-- a removed directory");
  QUIET(mkdir("d", 0755));
  fd = SHOW(open("d", O_RDONLY | O_DIRECTORY));
  int home = SHOW(open(".", O_RDONLY | O_DIRECTORY));
  SHOW(rmdir("d"));
  char text[PATH_MAX];
  IN_CHILD {
    SHOW(chdir(by_link(fd)));
    SHOW(syscall(SYS_getcwd, text, sizeof text));
    SHOW(open("x", O_CREAT | O_WRONLY, 0600));
    SHOW(mkdir("x", 0700));
    show_stat(".");
    SHOW(chdir("/proc/self/cwd"));
    SHOW(syscall(SYS_getcwd, text, sizeof text));
    int again = SHOW(open("/proc/self/cwd", O_RDONLY | O_DIRECTORY));
    SHOW(fchdir(again));
    SHOW(syscall(SYS_getcwd, text, sizeof text));
    show_directory(".");
    SHOW(access("../data", F_OK));
  }
  again = SHOW(open(by_link(fd), O_RDONLY));
  show_fstat("again", again);
  SHOW(open(by_link(fd), O_RDWR));
  SHOW(open(by_link(fd), O_WRONLY | O_CREAT, 0600));
  again = SHOW(open(by_link(fd), O_PATH));
  show_fstat("by its place", again);
  SHOW(fchdir(again));
  SHOW(syscall(SYS_getcwd, text, sizeof text));
  SHOW(fchdir(home));
  SHOW(access("data", F_OK));
  snprintf(text, sizeof text, "/proc/self/fd/%d/x", fd);
  SHOW(open(text, O_RDONLY));
  SHOW(open(text, O_WRONLY | O_CREAT, 0600));
  SHOW(mkdir(text, 0700));
  closefrom(3);

  say("-- a program that was removed");
  put_program("program");
  fd = SHOW(open("program", O_RDONLY | O_CLOEXEC));
  run(by_link(fd), "there");
  SHOW(unlink("program"));
  run(by_link(fd), "removed");
  SHOW(fchmod(fd, 0600));
  run(by_link(fd), "without permission");
  SHOW(fchmod(fd, 0755));
  run(by_link(fd), "with it again");
  closefrom(3);
  put_program("program");
  fd = SHOW(open("program", O_RDONLY));
  put_file("script", "#!/bin/sh\necho the script\n");
  SHOW(chmod("script", 0755));
  SHOW(rename("script", "program"));
  run(by_link(fd), "replaced");
  run("program", "the new one");
  closefrom(3);

  say("-- a script without a name");
  put_file("script", "#!/bin/sh\necho script $1\n");
  SHOW(chmod("script", 0755));
  fd = SHOW(open("script", O_RDONLY));
  SHOW(unlink("script"));
  run(by_link(fd), "script");
  run("/dev/fd/3", "by /dev");
  closefrom(3);

  say("-- a slash after it");
  fd = SHOW(open("data/hello.txt", O_RDONLY));
  struct stat st;
  char slashed[64];
  snprintf(slashed, sizeof slashed, "%s/", by_link(fd));
  SHOW(stat(slashed, &st));
  SHOW(access(slashed, F_OK));
  SHOW(open(slashed, O_RDONLY));
  SHOW(access("/proc/self/cwd/", F_OK));
  closefrom(3);

  say("-- a program in memory");
  fd = SHOW(memfd_create("echo", MFD_CLOEXEC));
  copy_of("/bin/echo", fd);
  run(by_link(fd), "memory");
  SHOW(fchmod(fd, 0600));
  run(by_link(fd), "without permission");
  closefrom(3);

  say("-- a running program that is removed");
  put_program("self");
  for (int turn = 0; turn < 2; turn++) {
    fd = QUIET(open("self", O_WRONLY | O_CREAT | O_TRUNC, 0755));
    copy_of("/proc/self/exe", fd);
    close(fd);
    pid_t pid = fork();
    if (pid == 0) {
      execve("./self", ARGV("self", turn ? "replaced" : "removed"), none);
      _exit(99);
    }
    wait_for(turn ? "replaced" : "removed", pid);
    unlink("self");
  }

  say("-- at once");
  themselves();
}
