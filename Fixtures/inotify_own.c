// inotify on what the run itself made: every event, as on any file system.
// calls: inotify_add_watch inotify_init1 inotify_rm_watch
#include "observe.h"
#include <poll.h>
#include <sys/inotify.h>

static int fd;

static void drain(const char *what) {
  say("after %s:", what);
  char buffer[65536] __attribute__((aligned(8)));
  struct pollfd poller = {fd, POLLIN, 0};
  while (poll(&poller, 1, 100) > 0) {
    ssize_t n = read(fd, buffer, sizeof buffer);
    for (char *at = buffer; at < buffer + n;) {
      struct inotify_event *event = (struct inotify_event *)at;
      say("  watch %d mask %#x name %s", event->wd, event->mask, event->len ? event->name : "-");
      at += sizeof *event + event->len;
    }
  }
}

int main(void) {
  QUIET(mkdir("own", 0755));
  QUIET(mkdir("own/sub", 0755));
  put_file("own/file", "text");
  fd = SHOW(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  SHOW(inotify_add_watch(fd, "own", IN_ALL_EVENTS));
  SHOW(inotify_add_watch(fd, "own/sub", IN_CREATE | IN_DELETE | IN_MOVE));
  SHOW(inotify_add_watch(fd, "own/file", IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF));
  put_file("own/new", "text");
  drain("creating a file");
  put_file("own/file", "changed");
  drain("writing a file");
  QUIET(rename("own/new", "own/renamed"));
  drain("rename");
  QUIET(rename("own/renamed", "own/sub/moved"));
  drain("move between watched directories");
  QUIET(mkdir("own/dir", 0755));
  QUIET(rmdir("own/dir"));
  drain("mkdir and rmdir");
  QUIET(symlink("x", "own/link"));
  QUIET(unlink("own/link"));
  drain("a link that comes and goes");
  QUIET(unlink("own/sub/moved"));
  QUIET(unlink("own/file"));
  drain("unlink");
  SHOW(inotify_rm_watch(fd, 2));
  SHOW(inotify_rm_watch(fd, 77));
  put_file("own/sub/unseen", "x");
  drain("the end of a watch");
  return 0;
}
