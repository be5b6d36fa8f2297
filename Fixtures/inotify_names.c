// inotify in directories of our own: every change of a name is told, with the cookie that joins the halves of a rename.
// calls: inotify_add_watch link mkdir mknodat rename renameat2 rmdir symlink unlink
#include "observe.h"
#include <sys/inotify.h>

static int watches[8], count;
static const char *labels[8];

static void watch(int inotify, const char *path, uint32_t mask) {
  int number = inotify_add_watch(inotify, path, mask);
  if (number < 0) {
    say("watch %s: %s", path, error_name(errno));
    return;
  }
  for (int i = 0; i < count; i++)
    if (watches[i] == number) say("watch %s is that of %s", path, labels[i]);
  labels[count] = path;
  watches[count++] = number;
}

static const char *label_of(int number) {
  for (int i = 0; i < count; i++)
    if (watches[i] == number) return labels[i];
  return "nothing";
}

static void drain(int inotify, const char *what) {
  static const struct {
    uint32_t bit;
    const char *name;
  } names[] = {{IN_CREATE, "create"}, {IN_DELETE, "delete"}, {IN_MOVED_FROM, "from"}, {IN_MOVED_TO, "to"},
      {IN_MODIFY, "modify"}, {IN_ATTRIB, "attributes"}, {IN_CLOSE_WRITE, "close-write"}, {IN_DELETE_SELF, "self-deleted"},
      {IN_MOVE_SELF, "self-moved"}, {IN_ISDIR, "directory"}, {IN_IGNORED, "ignored"}};
  char buffer[8192] __attribute__((aligned(8)));
  uint32_t cookies[16];
  int known = 0;
  ssize_t length;
  say("-- %s", what);
  while ((length = read(inotify, buffer, sizeof buffer)) > 0) {
    for (ssize_t at = 0; at < length;) {
      struct inotify_event *event = (void *)(buffer + at);
      at += sizeof *event + event->len;
      char text[256] = "";
      for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (event->mask & names[i].bit) strcat(strcat(text, " "), names[i].name);
      int pair = -1;
      for (int i = 0; i < known; i++)
        if (cookies[i] == event->cookie) pair = i;
      if (event->cookie && pair < 0 && known < 16) cookies[pair = known++] = event->cookie;
      say("%s:%s %s pair %d", label_of(event->wd), text, event->len ? event->name : "-", pair);
    }
  }
}

int main(void) {
  QUIET(mkdir("one", 0755));
  QUIET(mkdir("two", 0755));
  QUIET(mkdir("two/below", 0755));
  int inotify = SHOW(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVE | IN_DELETE_SELF | IN_MOVE_SELF;
  watch(inotify, "one", mask);
  watch(inotify, "two", mask);
  watch(inotify, "two/below", mask);
  watch(inotify, "missing", mask);
  watch(inotify, "one/../one", mask);

  int fd = QUIET(open("one/file", O_WRONLY | O_CREAT, 0644));
  QUIET(mkdir("one/directory", 0755));
  QUIET(symlink("target", "one/link"));
  QUIET(mknod("one/fifo", S_IFIFO | 0644, 0));
  QUIET(link("one/file", "two/second"));
  drain(inotify, "creations");
  QUIET(rename("one/file", "one/renamed"));
  QUIET(rename("one/renamed", "two/moved"));
  QUIET(rename("one/link", "two/moved"));
  QUIET(rename("one/fifo", "outside"));
  QUIET(rename("outside", "two/inside"));
  drain(inotify, "renames");
  QUIET(syscall(SYS_renameat2, AT_FDCWD, "one/directory", AT_FDCWD, "two/second", RENAME_EXCHANGE));
  drain(inotify, "an exchange");
  QUIET(unlink("one/directory"));
  QUIET(rmdir("two/second"));
  QUIET(unlink("two/inside"));
  drain(inotify, "removals");
  QUIET(rename("two/below", "one/below"));
  QUIET(mkdir("one/below/deep", 0755));
  drain(inotify, "a watched directory moves, and is watched on");
  QUIET(rmdir("one/below/deep"));
  QUIET(rmdir("one/below"));
  drain(inotify, "and goes");
  IN_CHILD {
    put_file("two/by another", "text");
    QUIET(rename("two/by another", "two/by another still"));
    QUIET(unlink("two/by another still"));
  }
  drain(inotify, "by another process");
  SHOW(inotify_rm_watch(inotify, watches[1]));
  QUIET(unlink("two/moved"));
  drain(inotify, "no longer");

  watch(inotify, "own", IN_ALL_EVENTS & ~(IN_ACCESS | IN_OPEN | IN_CLOSE));
  put_file("own", "text");
  watch(inotify, "own", IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF);
  fd = QUIET(open("own", O_WRONLY | O_APPEND));
  QUIET(write(fd, "more", 4));
  QUIET(fchmod(fd, 0600));
  QUIET(ftruncate(fd, 1));
  QUIET(close(fd));
  QUIET(rename("own", "renamed"));
  QUIET(unlink("renamed"));
  drain(inotify, "a file");
}
