// name_to_handle_at, whose checks come in an order. /proc and pipes have no handles natively either.
// calls: name_to_handle_at
#include "observe.h"

static struct { unsigned length; int type; unsigned char bytes[128]; } handle;
static int mount;

static long ask(int fd, const char *path, int flags) {
  handle.length = sizeof handle.bytes;
  return syscall(SYS_name_to_handle_at, fd, path, &handle, &mount, flags);
}

static void paths(void) {
  say("-- paths that lead nowhere");
  static const char *const missing[] = {"data/missing", "data/missing/x", "data/hello.txt/x", "data/hello.txt/", "data/link/",
                                        "data/link/x", "data/loop1/x", "data/dangling/", "data/closed/x", ""};
  for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
    say("%s", quote(missing[i], strlen(missing[i])));
    SHOW(ask(AT_FDCWD, missing[i], 0));
    SHOW(ask(AT_FDCWD, missing[i], AT_SYMLINK_FOLLOW));
  }
  SHOW(ask(AT_FDCWD, "data/dangling", AT_SYMLINK_FOLLOW));
  SHOW(ask(AT_FDCWD, "data/loop1", AT_SYMLINK_FOLLOW));
  static char name[300], path[PATH_MAX + 1];
  memset(name, 'x', 256);
  memset(path, '/', PATH_MAX);
  SHOW(ask(AT_FDCWD, name, 0));
  SHOW(ask(AT_FDCWD, path, 0));
  SHOW(ask(AT_FDCWD, NULL, 0));
  SHOW(ask(AT_FDCWD, NULL, AT_EMPTY_PATH));
  SHOW(ask(AT_FDCWD, bad_pointer(), 0));
}

static void descriptors(void) {
  say("-- descriptors");
  int data = SHOW(open("data", O_PATH)), file = SHOW(open("data/hello.txt", O_RDONLY)), pipes[2];
  QUIET(pipe(pipes));
  SHOW(ask(data, "missing", 0));
  SHOW(ask(data, "closed/x", 0));
  SHOW(ask(data, "", 0));
  SHOW(ask(file, "", AT_SYMLINK_FOLLOW));
  SHOW(ask(file, "x", 0));
  SHOW(ask(file, "x", AT_EMPTY_PATH));
  SHOW(ask(pipes[0], "x", AT_EMPTY_PATH));
  SHOW(ask(pipes[0], "", AT_EMPTY_PATH));
  SHOW(ask(99, "x", 0));
  SHOW(ask(99, "", 0));
  SHOW(ask(99, "", AT_EMPTY_PATH));
  SHOW(ask(99, "/missing", 0));
  SHOW(ask(99, "/proc/version", 0));
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", pipes[0]);
  SHOW(ask(AT_FDCWD, link, 0));
  SHOW(ask(AT_FDCWD, link, AT_SYMLINK_FOLLOW));
}

static void order(void) {
  say("-- flags, then the path, then the file system, then the struct");
  void *bad = bad_pointer();
  // AT_HANDLE_FID and AT_HANDLE_CONNECTABLE exclude each other; before 6.5 and 6.13 there were none.
  static const int flags[] = {0x4, 0x10, AT_SYMLINK_NOFOLLOW, 0x202, 0x800, 0x2000, 0x8000, INT_MIN, -1};
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    say("flags %#x", flags[i]);
    SHOW(syscall(SYS_name_to_handle_at, 99, bad, bad, bad, flags[i]));
  }
  SHOW(syscall(SYS_name_to_handle_at, AT_FDCWD, "missing", &handle, &mount, 1ULL << 32 | 0x8000));
  SHOW(syscall(SYS_name_to_handle_at, AT_FDCWD, "missing", &handle, &mount, 1ULL << 32));
  handle.length = 129;
  mount = -7;
  SHOW(syscall(SYS_name_to_handle_at, AT_FDCWD, "missing", &handle, &mount, 0));
  SHOW(syscall(SYS_name_to_handle_at, AT_FDCWD, "missing", bad, bad, 0));
  SHOW(syscall(SYS_name_to_handle_at, AT_FDCWD, "/proc/version", &handle, &mount, 0));
  say("length %u, mount %d", handle.length, mount);
  SHOW(syscall(SYS_name_to_handle_at, AT_FDCWD, "/proc/version", bad, bad, 0));
  QUIET(chdir("/proc"));
  SHOW(syscall(SYS_name_to_handle_at, AT_FDCWD, "", bad, bad, AT_EMPTY_PATH));
}

// Whether there are handles is the file system's own business.
static void show(int fd, const char *path, int flags) {
  bool found = ask(fd, path, flags) == 0 || errno == EOPNOTSUPP;
  say("%s, flags %#x: %s", quote(path, strlen(path)), flags, found ? "found" : error_name(errno));
}

static void files(void) {
  say("-- files");
  static const char *const paths[] = {"data", "data/hello.txt", "data/link", "data/dangling", "data/loop1", "data/fifo",
                                      "data/noaccess", "data/closed", "data/dirlink/", "data/up/data/dirlink", ".", "/", "/dev/null"};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    show(AT_FDCWD, paths[i], 0);
    show(AT_FDCWD, paths[i], AT_SYMLINK_FOLLOW);
  }
  put_file("own", "text");
  int own = QUIET(open("own", O_RDWR)), link = QUIET(open("data/link", O_PATH | O_NOFOLLOW)), data = QUIET(open("data", O_RDONLY));
  show(AT_FDCWD, "own", 0);
  show(data, "hello.txt", 0);
  show(AT_FDCWD, "", AT_EMPTY_PATH);
  show(data, "", AT_EMPTY_PATH);
  show(own, "", AT_EMPTY_PATH);
  show(link, "", AT_EMPTY_PATH | AT_SYMLINK_FOLLOW);
  QUIET(unlink("own"));
  show(AT_FDCWD, "own", 0);
  show(own, "", AT_EMPTY_PATH);
  SHOW(ask(AT_FDCWD, "data/hello.txt", 0));
}

int main(void) {
  paths();
  descriptors();
  files();
  order();
}
