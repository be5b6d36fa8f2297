// access, faccessat, faccessat2.
// calls: access faccessat2
#include "observe.h"

int main(void) {
  static const char *const paths[] = {
      "data",         "data/hello.txt", "data/noaccess",        "data/readonly",       "data/secret",
      "data/closed",  "data/closed/x",  "data/closed/inside",   "data/locked",         "data/locked/inside",
      "data/script.sh", "data/link",    "data/dangling",        "data/loop1",          "data/missing",
      "data/fifo",    "data/hello.txt/x", "data/foreign/private", "data/foreign/public", "data/foreign/shared",
      "data/foreign/dir", "/dev/null",  "/usr/bin/env",         ""};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    for (int mode = 0; mode < 8; mode++) {
      int result = access(paths[i], mode);
      say("access %s %d: %s", quote(paths[i], strlen(paths[i])), mode, result < 0 ? error_name(errno) : "yes");
    }
  }
  SHOW(access("data", 8));
  SHOW(access(bad_pointer(), F_OK));
  SHOW(access("data/hello.txt", -1));

  int fd = SHOW(open("data", O_PATH | O_DIRECTORY));
  int file = SHOW(open("data/script.sh", O_RDONLY));
  SHOW(faccessat(fd, "hello.txt", R_OK, 0));
  SHOW(faccessat(fd, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
  SHOW(faccessat(fd, "dangling", F_OK, 0));
  SHOW(faccessat(fd, "noaccess", R_OK, AT_EACCESS));
  SHOW(faccessat(fd, "hello.txt", R_OK, 0x4000));
  SHOW(faccessat(file, "x", F_OK, 0));
  SHOW(faccessat(99, "x", F_OK, 0));
  SHOW(syscall(SYS_faccessat2, file, "", X_OK, AT_EMPTY_PATH));
  SHOW(syscall(SYS_faccessat2, file, "", X_OK, 0));
  SHOW(syscall(SYS_faccessat2, AT_FDCWD, "data", F_OK, 0x8000));

  say("-- after a change");
  QUIET(chmod("data/hello.txt", 0));
  SHOW(access("data/hello.txt", R_OK));
  QUIET(chmod("data/noaccess", 0755));
  SHOW(access("data/noaccess", R_OK | W_OK | X_OK));
  QUIET(unlink("data/readonly"));
  SHOW(access("data/readonly", F_OK));
}
