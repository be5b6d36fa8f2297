// Which names can be made, and how each call refuses the others.
// calls: access chmod link mkdir mknodat openat rename renameat2 rmdir symlink unlink
#include "observe.h"

static char name255[256], name256[257], longest[PATH_MAX], too_long[PATH_MAX + 1];

static void attempt(const char *path) {
  say("-- %s", strlen(path) > 60 ? quote(path, 20) : quote(path, strlen(path)));
  say("length %zu", strlen(path));
  int fd = SHOW(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) < 0 ? -1 : 0);
  if (fd == 0) SHOW(unlink(path));
  fd = SHOW(open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0644) < 0 ? -1 : 0);
  if (fd == 0) SHOW(unlink(path));
  if (SHOW(mkdir(path, 0755)) == 0) SHOW(rmdir(path));
  if (SHOW(symlink("target", path)) == 0) SHOW(unlink(path));
  if (SHOW(mknod(path, S_IFIFO | 0644, 0)) == 0) SHOW(unlink(path));
  if (SHOW(link("data/hello.txt", path)) == 0) SHOW(unlink(path));
  if (SHOW(rename("data/readonly", path)) == 0) SHOW(rename(path, "data/readonly"));
  if (SHOW(rename("data/emptydir", path)) == 0) SHOW(rename(path, "data/emptydir"));
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "data/readonly", AT_FDCWD, path, RENAME_NOREPLACE) == 0
           ? rename(path, "data/readonly") : -1);
  SHOW(rename(path, "missing"));
  SHOW(unlink(path));
  SHOW(rmdir(path));
  SHOW(access(path, F_OK));
  SHOW(chmod(path, 0755));
}

int main(void) {
  memset(name255, 'n', 255);
  memset(name256, 'n', 256);
  // PATH_MAX counts the NUL.
  for (int i = 0; i < PATH_MAX - 2; i += 2) memcpy(longest + i, "./", 2);
  memcpy(longest + PATH_MAX - 3, "x", 2);
  for (int i = 0; i < PATH_MAX - 2; i += 2) memcpy(too_long + i, "./", 2);
  memcpy(too_long + PATH_MAX - 2, "xx", 3);
  QUIET(symlink("data/nowhere", "outward"));
  QUIET(symlink("data/emptydir", "todirectory"));

  static const char *const paths[] = {"", ".", "..", "data/.", "data/..", "data/emptydir/.", "data/emptydir/..",
      "new", "new/", "new//", "new/.", "new/..", "./new", "data//new", "data/hello.txt/", "data/hello.txt/new",
      "data/hello.txt/.", "data/emptydir", "data/emptydir/", "data/emptydir//", "data/link", "data/link/",
      "data/dirlink", "data/dirlink/", "data/dirlink/new", "data/dangling", "data/dangling/", "data/loop1",
      "data/loop1/", "data/loop1/new", "missing/new", "missing/../new", "outward", "outward/", "todirectory",
      "todirectory/", "todirectory/.", "\xff\xfe", "new\nline", "-", " ", "\\", "*", "...", ".new", "data/up/new"};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) attempt(paths[i]);
  attempt(name255);
  attempt(name256);
  attempt(longest);
  attempt(too_long);
  show_directory(".");
  show_directory("data");
}
