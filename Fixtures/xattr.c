// setxattr, getxattr, listxattr, removexattr, in all their forms. Only user.*: the rest needs a privilege.
// calls: fgetxattr flistxattr fremovexattr fsetxattr getxattr lgetxattr listxattr llistxattr lremovexattr lsetxattr
// calls: removexattr setxattr
#include "observe.h"
#include <sys/xattr.h>

static void show_value(const char *path, const char *name) {
  char value[256];
  ssize_t n = lgetxattr(path, name, value, sizeof value);
  if (n < 0) say("%s of %s: %s", name, path, error_name(errno));
  else say("%s of %s: %s", name, path, quote(value, n));
}

static void show_list(const char *path) {
  char list[4096];
  ssize_t n = llistxattr(path, list, sizeof list);
  if (n < 0) {
    say("list of %s: %s", path, error_name(errno));
    return;
  }
  // Only user.*: a labelling security module adds names of its own.
  char *names[64];
  int count = 0;
  for (char *name = list; name < list + n; name += strlen(name) + 1)
    if (!strncmp(name, "user.", 5) && count < 64) names[count++] = name;
  qsort(names, count, sizeof names[0], compare_names);
  say("list of %s: %d", path, count);
  for (int i = 0; i < count; i++) say("  %s", names[i]);
}

int main(void) {
  put_file("file", "text");
  SHOW(setxattr("file", "user.one", "1", 1, 0));
  SHOW(setxattr("file", "user.two", "second", 6, XATTR_CREATE));
  SHOW(setxattr("file", "user.two", "again", 5, XATTR_CREATE));
  SHOW(setxattr("file", "user.two", "again", 5, XATTR_REPLACE));
  SHOW(setxattr("file", "user.three", "x", 1, XATTR_REPLACE));
  SHOW(setxattr("file", "user.empty", "", 0, 0));
  SHOW(setxattr("file", "user.null", NULL, 0, 0));
  show_list("file");
  show_value("file", "user.one");
  show_value("file", "user.two");
  show_value("file", "user.empty");
  show_value("file", "user.missing");
  SHOW(removexattr("file", "user.one"));
  SHOW(removexattr("file", "user.one"));
  show_list("file");

  say("-- lower files");
  show_list("data/hello.txt");
  SHOW(setxattr("data/hello.txt", "user.mine", "value", 5, 0));
  show_value("data/hello.txt", "user.mine");
  show_file("data/hello.txt");
  show_list("data/dir/a");
  show_value("data/dir/a", "user.lower");
  put_file("data/dir/a", "copied up");
  show_value("data/dir/a", "user.lower");
  SHOW(setxattr("data/dir", "user.dir", "d", 1, 0));
  show_value("data/dir", "user.dir");
  SHOW(setxattr("data/link", "user.link", "l", 1, 0));
  show_value("data/hello.txt", "user.link");
  show_value("data/link", "user.link");
  SHOW(lsetxattr("data/link", "user.link", "l", 1, 0));
  show_list("data/link");
  QUIET(symlink("file", "own-link"));
  show_list("own-link");
  show_value("own-link", "user.two");
  SHOW(lremovexattr("own-link", "user.two"));
  show_list("data/fifo");
  SHOW(setxattr("data/fifo", "user.fifo", "f", 1, 0));
  SHOW(setxattr("data/hard1", "user.hard", "h", 1, 0));
  show_value("data/hard2", "user.hard");
  SHOW(rename("data/hello.txt", "renamed"));
  show_value("renamed", "user.mine");

  say("-- descriptors");
  char value[16];
  int fd = SHOW(open("data/numbers.txt", O_RDONLY));
  SHOW(fsetxattr(fd, "user.fd", "fd", 2, 0));
  show_value("data/numbers.txt", "user.fd");
  SHOW(fgetxattr(fd, "user.fd", value, sizeof value));
  SHOW(flistxattr(fd, NULL, 0) >= 8);
  SHOW(fremovexattr(fd, "user.fd"));
  SHOW(fgetxattr(fd, "user.fd", value, sizeof value));
  int path = SHOW(open("data/numbers.txt", O_PATH));
  SHOW(fgetxattr(path, "user.fd", value, sizeof value));
  SHOW(fsetxattr(path, "user.fd", "fd", 2, 0));
  SHOW(fsetxattr(99, "user.fd", "fd", 2, 0));
  SHOW(fremovexattr(99, "user.fd"));
  SHOW(flistxattr(99, value, sizeof value));
  int pipes[2];
  QUIET(pipe(pipes));
  SHOW(fsetxattr(pipes[0], "user.fd", "fd", 2, 0));

  say("-- buffers");
  SHOW(getxattr("file", "user.two", NULL, 0));
  SHOW(getxattr("file", "user.two", value, 3));
  SHOW(getxattr("file", "user.two", bad_pointer(), 16));
  SHOW(listxattr("file", value, 1));
  SHOW(listxattr("file", bad_pointer(), 4096));

  say("-- refusals");
  char name[300];
  memset(name, 'n', sizeof name);
  memcpy(name, "user.", 5);
  name[256] = 0;
  CHECK(setxattr("file", name, "x", 1, 0));
  name[255] = 0;
  CHECK(getxattr("file", name, value, sizeof value));
  SHOW(setxattr("file", "", "x", 1, 0));
  SHOW(setxattr("file", "user.", "x", 1, 0));
  SHOW(setxattr("file", "plain", "x", 1, 0));
  SHOW(setxattr("file", "nosuch.name", "x", 1, 0));
  static char big[65537];
  SHOW(setxattr("file", "user.big", big, 65537, 0));
  SHOW(setxattr("file", "user.flags", "x", 1, 4));
  SHOW(setxattr("file", bad_pointer(), "x", 1, 0));
  SHOW(setxattr("file", "user.x", bad_pointer(), 1, 0));
  SHOW(setxattr(bad_pointer(), "user.x", "x", 1, 0));
  SHOW(setxattr("data/missing", "user.x", "x", 1, 0));
  SHOW(setxattr("data/dangling", "user.x", "x", 1, 0));
  SHOW(setxattr("", "user.x", "x", 1, 0));
  SHOW(getxattr("data/loop1", "user.x", value, sizeof value));
  SHOW(getxattr("file/x", "user.x", value, sizeof value));
  SHOW(removexattr("data/missing", "user.x"));
  SHOW(listxattr("data/missing", value, sizeof value));
  SHOW(setxattr("data/readonly", "user.x", "x", 1, 0));
  SHOW(setxattr("data/foreign/public", "user.x", "x", 1, 0));
  SHOW(getxattr("data/foreign/private", "user.x", value, sizeof value));
  SHOW(getxattr("data/closed/inside", "user.x", value, sizeof value));
  SHOW(getxattr("file", "security.capability", value, sizeof value));
}
