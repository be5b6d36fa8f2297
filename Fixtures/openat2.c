// openat2: the checks of struct open_how, and each RESOLVE_ flag.
// calls: openat2
#include "observe.h"
#include <linux/openat2.h>

static long open2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  return syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

int main(void) {
  struct {
    struct open_how how;
    uint64_t more;
  } longer = {.how = {.flags = O_RDONLY}, .more = 0};
  struct open_how how = {.flags = O_RDONLY};

  say("-- size");
  SHOW(syscall(SYS_openat2, AT_FDCWD, "data/hello.txt", &how, 0));
  SHOW(syscall(SYS_openat2, AT_FDCWD, "data/hello.txt", &how, 8));
  SHOW(syscall(SYS_openat2, AT_FDCWD, "data/hello.txt", &how, sizeof how));
  SHOW(syscall(SYS_openat2, AT_FDCWD, "data/hello.txt", &longer, sizeof longer));
  longer.more = 1;
  SHOW(syscall(SYS_openat2, AT_FDCWD, "data/hello.txt", &longer, sizeof longer));
  SHOW(syscall(SYS_openat2, AT_FDCWD, "data/hello.txt", &how, 1L << 20));
  SHOW(syscall(SYS_openat2, AT_FDCWD, "data/hello.txt", bad_pointer(), sizeof how));
  SHOW(syscall(SYS_openat2, AT_FDCWD, bad_pointer(), &how, sizeof how));
  closefrom(3);

  say("-- values");
  SHOW(open2(AT_FDCWD, "data/hello.txt", 1ULL << 40, 0, 0));
  SHOW(open2(AT_FDCWD, "data/hello.txt", O_RDONLY, 0644, 0));
  SHOW(open2(AT_FDCWD, "new", O_WRONLY | O_CREAT, 010644, 0));
  SHOW(open2(AT_FDCWD, "new", O_WRONLY | O_CREAT, 0640, 0));
  show_stat("new");
  SHOW(open2(AT_FDCWD, "data/hello.txt", O_RDONLY, 0, 1ULL << 20));
  SHOW(open2(AT_FDCWD, "data/hello.txt", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
  SHOW(open2(AT_FDCWD, "data/hello.txt", O_PATH | O_RDWR, 0, 0));
  SHOW(open2(AT_FDCWD, "data/hello.txt", O_PATH | O_CLOEXEC, 0, 0));
  closefrom(3);

  say("-- RESOLVE_NO_SYMLINKS");
  SHOW(open2(AT_FDCWD, "data/hello.txt", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
  SHOW(open2(AT_FDCWD, "data/link", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
  SHOW(open2(AT_FDCWD, "data/dirlink/a", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
  SHOW(open2(AT_FDCWD, "data/link", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
  SHOW(open2(AT_FDCWD, "data/link", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
  SHOW(open2(AT_FDCWD, "/proc/self/fd/3", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
  SHOW(open2(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
  closefrom(3);

  say("-- RESOLVE_BENEATH");
  int data = SHOW(open("data", O_PATH | O_DIRECTORY));
  SHOW(open2(data, "hello.txt", O_RDONLY, 0, RESOLVE_BENEATH));
  SHOW(open2(data, "dir/../hello.txt", O_RDONLY, 0, RESOLVE_BENEATH));
  SHOW(open2(data, "../data/hello.txt", O_RDONLY, 0, RESOLVE_BENEATH));
  SHOW(open2(data, "dir/../..", O_RDONLY, 0, RESOLVE_BENEATH));
  SHOW(open2(data, "..", O_RDONLY, 0, RESOLVE_BENEATH));
  SHOW(open2(data, "up", O_RDONLY, 0, RESOLVE_BENEATH));
  SHOW(open2(data, "winding", O_RDONLY, 0, RESOLVE_BENEATH));
  SHOW(open2(data, "absolute", O_RDONLY, 0, RESOLVE_BENEATH));
  SHOW(open2(data, "/etc", O_RDONLY, 0, RESOLVE_BENEATH));
  SHOW(open2(data, "dirlink/b", O_RDONLY, 0, RESOLVE_BENEATH));
  SHOW(open2(data, "under", O_WRONLY | O_CREAT, 0600, RESOLVE_BENEATH));
  SHOW(open2(data, "../outside", O_WRONLY | O_CREAT, 0600, RESOLVE_BENEATH));
  SHOW(open2(data, "dangling", O_WRONLY | O_CREAT, 0600, RESOLVE_BENEATH));
  close_range(4, ~0U, 0);

  say("-- RESOLVE_IN_ROOT");
  SHOW(open2(data, "/hello.txt", O_RDONLY, 0, RESOLVE_IN_ROOT));
  SHOW(open2(data, "../../../hello.txt", O_RDONLY, 0, RESOLVE_IN_ROOT));
  SHOW(open2(data, "absolute", O_RDONLY, 0, RESOLVE_IN_ROOT));
  SHOW(open2(data, "winding", O_RDONLY, 0, RESOLVE_IN_ROOT));
  SHOW(open2(data, "up/hello.txt", O_RDONLY, 0, RESOLVE_IN_ROOT));
  SHOW(open2(data, "up/data", O_RDONLY, 0, RESOLVE_IN_ROOT));
  close_range(4, ~0U, 0);

  say("-- other");
  SHOW(open2(data, "dir", O_RDONLY | O_DIRECTORY, 0, RESOLVE_NO_XDEV));
  SHOW(open2(AT_FDCWD, "/proc/version", O_RDONLY, 0, RESOLVE_NO_XDEV));
  SHOW(open2(99, "hello.txt", O_RDONLY, 0, RESOLVE_BENEATH));
  show_directory(".");
  SHOW(access("data/under", F_OK));
}
