// readlink and readlinkat.
// calls: readlink readlinkat
#include "observe.h"

static void show_link(const char *path) {
  char text[PATH_MAX];
  ssize_t n = readlink(path, text, sizeof text - 1);
  if (n < 0) {
    say("readlink %s: %s", quote(path, strlen(path)), error_name(errno));
  } else {
    text[n] = 0;
    say("readlink %s: %s", path, quote(relative(text), strlen(relative(text))));
  }
}

int main(void) {
  static const char *const paths[] = {
      "data/link", "data/dirlink", "data/dangling", "data/loop1", "data/winding", "data/absolute", "data/up",
      "data/up/data/link", "data/hello.txt", "data/dir", "data/missing", "data/link/", "data/dirlink/", "data/dirlink/a",
      "data/link/x", "data/loop1/x", "data/closed/x", "", "/", "."};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) show_link(paths[i]);

  say("-- short buffers");
  char text[16] = "................";
  SHOW(readlink("data/link", text, 4));
  say("%s", quote(text, 6));
  SHOW(readlink("data/link", text, 9));
  SHOW(readlink("data/link", text, 1));
  SHOW(syscall(SYS_readlink, "data/link", text, 0));
  SHOW(syscall(SYS_readlink, "data/link", text, -1));
  SHOW(syscall(SYS_readlink, "data/link", bad_pointer(), 4));
  SHOW(readlink(bad_pointer(), text, 4));

  say("-- readlinkat");
  int data = SHOW(open("data", O_RDONLY | O_DIRECTORY));
  int link = SHOW(open("data/link", O_PATH | O_NOFOLLOW));
  int file = SHOW(open("data/hello.txt", O_RDONLY));
  SHOW(readlinkat(data, "link", text, sizeof text));
  SHOW(readlinkat(link, "", text, sizeof text));
  say("%s", quote(text, 9));
  SHOW(readlinkat(file, "", text, sizeof text));
  SHOW(readlinkat(file, "x", text, sizeof text));
  SHOW(readlinkat(data, "", text, sizeof text));
  SHOW(readlinkat(99, "link", text, sizeof text));
  SHOW(readlinkat(AT_FDCWD, "", text, sizeof text));

  say("-- new links");
  QUIET(symlink("anything at all\n\377", "made"));
  show_link("made");
  QUIET(unlink("data/link"));
  show_link("data/link");
  QUIET(rename("data/dirlink", "data/link"));
  show_link("data/link");
}
