// The forms of the calls on extended attributes that have a directory, a path and flags. Only user.*: the rest needs a
// privilege.
// calls: getxattrat listxattrat removexattrat setxattrat
#include "observe.h"

struct value { uint64_t address; uint32_t size, flags; };

static long set(int fd, const char *path, int flags, const char *name, const char *text, uint32_t how) {
  struct value value = {(uintptr_t)text, strlen(text), how};
  return syscall(463, fd, path, flags, name, &value, sizeof value);
}

static char buffer[256];

static long get(int fd, const char *path, int flags, const char *name) {
  struct value value = {(uintptr_t)buffer, sizeof buffer, 0};
  return syscall(464, fd, path, flags, name, &value, sizeof value);
}

static long list(int fd, const char *path, int flags, long size) { return syscall(465, fd, path, flags, buffer, size); }

static long discard(int fd, const char *path, int flags, const char *name) {
  return syscall(466, fd, path, flags, name);
}

static void show(const char *path) {
  long size = get(AT_FDCWD, path, 0, "user.one");
  say("user.one of %s: %s", path, size < 0 ? error_name(errno) : quote(buffer, size));
}

static void arguments(void) {
  struct { struct value known; uint64_t beyond; } longer = {{(uintptr_t)buffer, sizeof buffer, 0}, 0};
  SHOW(syscall(464, AT_FDCWD, "own", 0, "user.one", &longer, 24));
  SHOW(syscall(464, AT_FDCWD, "own", 0, "user.one", &longer, 15));
  SHOW(syscall(464, AT_FDCWD, "own", 0, "user.one", &longer, 5000));
  longer.beyond = 1;
  SHOW(syscall(464, AT_FDCWD, "own", 0, "user.one", &longer, 24));
  longer.known.flags = 1;
  SHOW(syscall(464, AT_FDCWD, "own", 0, "user.one", &longer, 16));
  SHOW(syscall(464, AT_FDCWD, "own", 0, "user.one", bad_pointer(), 16));
  struct value wrong = {8, 100, 0}, few = {(uintptr_t)buffer, 1, 0}, none = {0, 0, 0}, large = {8, 65537, 0};
  SHOW(syscall(464, AT_FDCWD, "own", 0, "user.one", &wrong, 16));
  SHOW(syscall(464, AT_FDCWD, "own", 0, "user.one", &few, 16));
  SHOW(syscall(464, AT_FDCWD, "own", 0, "user.one", &none, 16));
  SHOW(syscall(463, AT_FDCWD, "own", 0, "user.one", &wrong, 16));
  SHOW(syscall(463, AT_FDCWD, "own", 0, "user.one", &large, 16));
  SHOW(syscall(463, AT_FDCWD, "own", 0, "user.one", &none, 8));
  SHOW(set(AT_FDCWD, "own", 0, "user.one", "x", 4));
  SHOW(set(AT_FDCWD, "own", AT_SYMLINK_FOLLOW, "user.one", "x", 0));
  SHOW(get(AT_FDCWD, "own", AT_EACCESS, "user.one"));
  SHOW(list(AT_FDCWD, "own", 0x10000, 100));
  SHOW(discard(AT_FDCWD, "own", 0x10000, "user.one"));
  SHOW(set(AT_FDCWD, "own", 0, "", "x", 0));
  SHOW(get(AT_FDCWD, "own", 0, bad_pointer()));
  SHOW(get(AT_FDCWD, bad_pointer(), 0, "user.one"));
  SHOW(set(AT_FDCWD, "own", 0, "nonsense", "x", 0));
  SHOW(get(99, "own", 0, "user.one"));
  SHOW(get(99, "", AT_EMPTY_PATH, "user.one"));
  SHOW(get(AT_FDCWD, "", 0, "user.one"));
  SHOW(get(AT_FDCWD, "missing", 0, "user.one"));
  SHOW(get(AT_FDCWD, "own/x", 0, "user.one"));
}

int main(void) {
  put_file("own", "text");
  QUIET(symlink("own", "link"));
  SHOW(set(AT_FDCWD, "own", 0, "user.one", "first", 0));
  SHOW(set(AT_FDCWD, "own", 0, "user.one", "again", 1));
  SHOW(set(AT_FDCWD, "own", 0, "user.two", "x", 2));
  show("own");
  SHOW(set(AT_FDCWD, "link", 0, "user.one", "by the link", 0));
  show("own");
  SHOW(set(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, "user.one", "of the link", 0));
  SHOW(get(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, "user.one"));
  SHOW(list(AT_FDCWD, "own", 0, 0));
  SHOW(list(AT_FDCWD, "own", 0, 3));
  SHOW(list(AT_FDCWD, "own", 0, sizeof buffer));
  say("  %s", quote(buffer, 9));
  arguments();

  int directory = open("data", O_RDONLY | O_DIRECTORY), below = open("data/dir/a", O_RDONLY);
  SHOW(get(directory, "dir/a", 0, "user.lower"));
  SHOW(get(below, "", AT_EMPTY_PATH, "user.lower"));
  SHOW(get(below, NULL, AT_EMPTY_PATH, "user.lower"));
  SHOW(get(below, "x", 0, "user.lower"));
  SHOW(set(directory, "dir/a", 0, "user.one", "above", 0));
  show("data/dir/a");
  SHOW(set(below, "", AT_EMPTY_PATH, "user.one", "by the descriptor", 0));
  show("data/dir/a");
  SHOW(discard(below, "", AT_EMPTY_PATH, "user.one"));
  SHOW(discard(directory, "dir/a", 0, "user.one"));
  show("data/dir/a");
  SHOW(set(directory, "", AT_EMPTY_PATH, "user.one", "a directory", 0));
  show("data");
  SHOW(discard(directory, "", AT_EMPTY_PATH, "user.one"));
  // Whether the two others take AT_FDCWD without a path depends on the kernel's version.
  SHOW(set(AT_FDCWD, "", AT_EMPTY_PATH, "user.one", "the current directory", 0));
  SHOW(get(AT_FDCWD, "", AT_EMPTY_PATH, "user.one"));
  SHOW(get(AT_FDCWD, NULL, AT_EMPTY_PATH, "user.one"));
  int path = open("own", O_PATH), ends[2];
  SHOW(get(path, "", AT_EMPTY_PATH, "user.one"));
  SHOW(list(path, "", AT_EMPTY_PATH, sizeof buffer));
  QUIET(pipe(ends));
  SHOW(list(ends[0], "", AT_EMPTY_PATH, sizeof buffer));
  SHOW(get(ends[0], "", AT_EMPTY_PATH, "user.one"));
  int nameless = open("own", O_RDWR);
  QUIET(unlink("own"));
  SHOW(get(nameless, "", AT_EMPTY_PATH, "user.one"));
  SHOW(set(nameless, "", AT_EMPTY_PATH, "user.one", "no name", 0));
  SHOW(get(nameless, "", AT_EMPTY_PATH, "user.one"));
}
