// inotify on files and directories, below and above.
// calls: inotify_add_watch inotify_init1 inotify_rm_watch
#include "observe.h"
#include <poll.h>
#include <sys/inotify.h>

static int fd;

static void drain(const char *what) {
  say("after %s:", what);
  char buffer[65536] __attribute__((aligned(8)));
  struct pollfd poller = {fd, POLLIN, 0};
  uint32_t cookie = 0;
  while (poll(&poller, 1, 100) > 0) {
    ssize_t n = read(fd, buffer, sizeof buffer);
    for (char *at = buffer; at < buffer + n;) {
      struct inotify_event *event = (struct inotify_event *)at;
      // The cookie is arbitrary, but a pair shares it.
      say("  watch %d mask %#x name %s cookie %s", event->wd, event->mask, event->len ? event->name : "-",
          !event->cookie ? "none" : event->cookie == cookie ? "the same" : "some");
      cookie = event->cookie;
      at += sizeof *event + event->len;
    }
  }
}

int main(void) {
  fd = SHOW(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  char text[16];
  SHOW(read(fd, text, sizeof text));
  SHOW(inotify_add_watch(fd, ".", IN_CREATE | IN_DELETE | IN_MOVE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB));
  SHOW(inotify_add_watch(fd, "data", IN_CREATE | IN_DELETE | IN_MOVE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB));
  SHOW(inotify_add_watch(fd, "data/hello.txt", IN_ALL_EVENTS));
  put_file("new", "text");
  drain("creating a file");
  put_file("data/hello.txt", "changed");
  drain("writing a lower file");
  QUIET(chmod("data/hello.txt", 0600));
  drain("chmod of a lower file");
  QUIET(rename("new", "renamed"));
  drain("rename");
  QUIET(rename("renamed", "data/moved"));
  drain("move between watched directories");
  QUIET(mkdir("dir", 0755));
  QUIET(mkdir("data/dir/unwatched", 0755));
  drain("mkdir");
  QUIET(rmdir("dir"));
  drain("rmdir");
  QUIET(symlink("x", "link"));
  QUIET(link("data/moved", "data/linked"));
  drain("links");
  QUIET(unlink("data/numbers.txt"));
  drain("unlink of a lower file");
  IN_CHILD put_file("by-child", "text");
  drain("a child's file");
  QUIET(unlink("data/hello.txt"));
  drain("unlink of the watched file");

  say("-- watches");
  int self = SHOW(inotify_add_watch(fd, "data/dir", IN_DELETE_SELF | IN_MOVE_SELF | IN_OPEN));
  SHOW(inotify_add_watch(fd, "data/dir", IN_CREATE | IN_MASK_ADD));
  SHOW(inotify_add_watch(fd, "data/dir", IN_CREATE | IN_MASK_CREATE));
  QUIET(rename("data/dir", "data/dir2"));
  put_file("data/dir2/x", "");
  drain("moving a watched directory");
  SHOW(inotify_rm_watch(fd, self));
  SHOW(inotify_rm_watch(fd, self));
  drain("removing the watch");
  SHOW(inotify_add_watch(fd, "data/emptydir", IN_DELETE_SELF | IN_ONLYDIR));
  QUIET(rmdir("data/emptydir"));
  drain("removing a watched directory");
  SHOW(inotify_add_watch(fd, "data/secret", IN_ACCESS | IN_OPEN | IN_CLOSE_NOWRITE | IN_ONESHOT));
  show_file("data/secret");
  drain("one shot");

  say("-- refusals");
  SHOW(inotify_init1(0x12345));
  SHOW(inotify_add_watch(fd, "data/missing", IN_CREATE));
  SHOW(inotify_add_watch(fd, "data/dangling", IN_CREATE));
  SHOW(inotify_add_watch(fd, "data/loop1", IN_CREATE));
  SHOW(inotify_add_watch(fd, "data/secret", IN_CREATE | IN_ONLYDIR));
  SHOW(inotify_add_watch(fd, "data/secret", 0));
  SHOW(inotify_add_watch(fd, "", IN_CREATE));
  SHOW(inotify_add_watch(fd, bad_pointer(), IN_CREATE));
  SHOW(inotify_add_watch(fd, "data/noaccess", IN_CREATE));
  SHOW(inotify_add_watch(fd, "data/foreign/private", IN_CREATE));
  SHOW(inotify_add_watch(STDIN_FILENO, "data", IN_CREATE));
  SHOW(inotify_add_watch(99, "data", IN_CREATE));
  SHOW(inotify_rm_watch(fd, 999));
  SHOW(inotify_rm_watch(99, 1));
  SHOW(inotify_add_watch(fd, "data/dangling", IN_DONT_FOLLOW | IN_ATTRIB) > 0);
}
