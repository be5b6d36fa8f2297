// Who may do what: the classes of a mode, on files of ours and of nobody's, below and above.
// calls: access chdir chmod mkdir openat rename renameat2 rmdir truncate unlink utimensat
#include "observe.h"

// With the file that it is about.
#define TRY(call) \
  ({ \
    errno = 0; \
    long result_ = (long)(call); \
    int error_ = errno; \
    char label_[300]; \
    snprintf(label_, sizeof label_, "%s: %s", path, #call); \
    show_result(label_, result_, error_); \
  })

static void try_all(const char *path) {
  TRY(open(path, O_RDONLY) < 0 ? -1 : 0);
  TRY(open(path, O_WRONLY) < 0 ? -1 : 0);
  TRY(open(path, O_RDWR | O_TRUNC) < 0 ? -1 : 0);
  TRY(access(path, R_OK));
  TRY(access(path, W_OK));
  TRY(access(path, X_OK));
  TRY(truncate(path, 3));
  TRY(utimensat(AT_FDCWD, path, NULL, 0));
  show_stat(path);
}

static void try_directory(const char *path) {
  char name[256];
  say("-- %s", path);
  int fd = open(path, O_RDONLY | O_DIRECTORY);
  say("%s: open: %s", path, fd < 0 ? error_name(errno) : "a descriptor");
  snprintf(name, sizeof name, "%s/inside", path);
  TRY(access(name, F_OK));
  TRY(open(name, O_WRONLY | O_CREAT, 0644) < 0 ? -1 : 0);
  snprintf(name, sizeof name, "%s/new", path);
  TRY(open(name, O_WRONLY | O_CREAT | O_EXCL, 0644) < 0 ? -1 : 0);
  TRY(mkdir(name, 0755));
  TRY(symlink("target", name));
  TRY(unlink(name));
  TRY(rename("data/secret", name));
  TRY(rename(name, "data/secret"));
  IN_CHILD {
    TRY(chdir(path));
  }
  if (fd >= 0) close(fd);
}

int main(void) {
  static const int modes[] = {0000, 0100, 0200, 0400, 0600, 0700, 0070, 0007, 0444, 0222, 0466, 0644, 0755, 0777};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    say("-- a file of ours, %04o", modes[i]);
    int fd = QUIET(open("file", O_WRONLY | O_CREAT | O_TRUNC, 0600));
    QUIET(fchmod(fd, modes[i]));
    SHOW(write(fd, "text", 4));
    try_all("file");
    QUIET(unlink("file"));
  }

  say("-- a descriptor keeps what it was opened with");
  int fd = SHOW(open("kept", O_RDWR | O_CREAT, 0600));
  SHOW(fchmod(fd, 0));
  SHOW(write(fd, "text", 4));
  SHOW(ftruncate(fd, 2));
  SHOW(chmod("kept", 0600));
  show_file("kept");
  SHOW(open("created", O_RDWR | O_CREAT | O_EXCL, 0000) < 0 ? -1 : 0);
  SHOW(open("created", O_RDWR) < 0 ? -1 : 0);
  show_stat("created");

  say("-- nobody's files");
  try_all("data/foreign/shared");
  try_all("data/foreign/public");
  say("-- ours, from below");
  try_all("data/readonly");
  try_all("data/secret");
  SHOW(chmod("data/foreign/public", 0666));
  SHOW(chown("data/foreign/public", getuid(), getgid()));
  struct timespec times[2] = {{1000, 0}, {1000, 0}};
  SHOW(utimensat(AT_FDCWD, "data/foreign/shared", times, 0));
  SHOW(utimensat(AT_FDCWD, "data/foreign/shared", NULL, 0));
  SHOW(open("data/foreign/shared", O_RDONLY | O_NOATIME) < 0 ? -1 : 0);
  SHOW(open("data/hello.txt", O_RDONLY | O_NOATIME) < 0 ? -1 : 0);

  static const int directories[] = {0000, 0100, 0200, 0300, 0400, 0500, 0600, 0700};
  for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
    say("-- a directory, %04o", directories[i]);
    QUIET(mkdir("own", 0700));
    put_file("own/inside", "inside");
    QUIET(chmod("own", directories[i]));
    try_directory("own");
    QUIET(chmod("own", 0700));
    QUIET(unlink("own/inside"));
    SHOW(rmdir("own"));
    unlink("own/new");
    rmdir("own");
  }
  try_directory("data/foreign");
  try_directory("data/locked");

  say("-- a directory that moves must be writable");
  QUIET(mkdir("target", 0755));
  QUIET(mkdir("moving", 0555));
  SHOW(rename("moving", "renamed"));
  SHOW(rename("renamed", "target/moving"));
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "data/emptydir", AT_FDCWD, "renamed", RENAME_EXCHANGE));
  show_stat("renamed");
}
