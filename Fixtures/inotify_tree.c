// inotify tells what the guest does, and nothing of what the virtual kernel does for it: in directories of a source, whose files are
// copied before they are changed, and in the run's own.
// calls: inotify_add_watch inotify_rm_watch openat truncate fchmodat fchownat utimensat renameat2 linkat unlinkat mkdirat getdents64 setxattr
#include "observe.h"
#include <dirent.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <utime.h>

static int inotify;

static void drain(const char *what) {
  static const struct {
    uint32_t bit;
    const char *name;
  } names[] = {{IN_ACCESS, "access"}, {IN_MODIFY, "modify"}, {IN_ATTRIB, "attributes"}, {IN_CLOSE_WRITE, "close-write"},
      {IN_CLOSE_NOWRITE, "close"}, {IN_OPEN, "open"}, {IN_MOVED_FROM, "from"}, {IN_MOVED_TO, "to"}, {IN_CREATE, "create"},
      {IN_DELETE, "delete"}, {IN_DELETE_SELF, "self-deleted"}, {IN_MOVE_SELF, "self-moved"}, {IN_ISDIR, "directory"},
      {IN_IGNORED, "ignored"}, {IN_Q_OVERFLOW, "overflow"}};
  char buffer[65536] __attribute__((aligned(8)));
  uint32_t cookie = 0;
  say("-- %s", what);
  ssize_t length;
  while ((length = read(inotify, buffer, sizeof buffer)) > 0) {
    for (ssize_t at = 0; at < length;) {
      struct inotify_event *event = (void *)(buffer + at);
      at += sizeof *event + event->len;
      char text[256] = "";
      for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (event->mask & names[i].bit) strcat(strcat(text, " "), names[i].name);
      say("%d:%s %s%s", event->wd, text, event->len ? event->name : "-",
          !event->cookie ? "" : event->cookie == cookie ? " same" : " cookie");
      cookie = event->cookie;
    }
  }
}

static void fresh(void) {
  close(inotify);
  inotify = QUIET(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
}

static void append(const char *path) {
  int fd = QUIET(open(path, O_WRONLY | O_APPEND));
  QUIET(write(fd, "more\n", 5));
  QUIET(close(fd));
}

// All that can be done to a file, which is watched, and to its directory, which is watched, too.
static void file(const char *directory, const char *name, uint32_t mask) {
  char path[128], other[128];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  snprintf(other, sizeof other, "%s/%s.other", directory, name);
  say("== %s with %#x", path, mask);
  fresh();
  SHOW(inotify_add_watch(inotify, directory, mask));
  SHOW(inotify_add_watch(inotify, path, mask));
  int fd = QUIET(open(path, O_RDONLY));
  char text[4096];
  QUIET(read(fd, text, sizeof text));
  QUIET(close(fd));
  drain("read");
  IN_CHILD append(path);
  drain("append by another");
  append(path);
  drain("append");
  QUIET(chmod(path, 0600));
  drain("chmod");
  QUIET(chown(path, geteuid(), getegid()));
  drain("chown");
  QUIET(utime(path, NULL));
  drain("utime");
  QUIET(setxattr(path, "user.a", "b", 1, 0));
  drain("setxattr");
  QUIET(truncate(path, 1));
  drain("truncate");
  fd = QUIET(open(path, O_WRONLY | O_TRUNC));
  QUIET(close(fd));
  drain("open that truncates");
  IN_CHILD {
    fd = QUIET(open(path, O_WRONLY | O_TRUNC));
    QUIET(write(fd, "text", 4));
    QUIET(close(fd));
  }
  drain("open that truncates, by another");
  QUIET(link(path, other));
  drain("link");
  say("the same watch: %d", inotify_add_watch(inotify, other, mask) == inotify_add_watch(inotify, path, mask));
  QUIET(unlink(other));
  drain("unlink one");
  QUIET(rename(path, other));
  drain("rename");
  append(other);
  drain("append after the rename");
  QUIET(rename(other, path));
  drain("rename back");
  put_file(other, "x");
  drain("another file");
  QUIET(rename(other, path));
  drain("rename over it");
  append(path);
  drain("append to the new one");
  fd = QUIET(open(path, O_RDWR));
  QUIET(unlink(path));
  drain("unlink while open");
  QUIET(close(fd));
  drain("close");
}

int main(void) {
  file("data", "hello.txt", IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_CREATE | IN_DELETE | IN_MOVE);
  file("data", "numbers.txt", IN_ALL_EVENTS);
  QUIET(mkdir("own", 0755));
  put_file("own/file", "text");
  file("own", "file", IN_ALL_EVENTS);

  say("== removals");
  fresh();
  put_file("own/other", "text");
  SHOW(inotify_add_watch(inotify, "data/hello.txt", IN_ALL_EVENTS));
  SHOW(inotify_add_watch(inotify, "own/other", IN_ALL_EVENTS));
  int fd = QUIET(open("own/other", O_RDWR));
  drain("open");
  QUIET(unlink("own/other"));
  drain("unlink while open");
  QUIET(ftruncate(fd, 5));
  drain("ftruncate of the unlinked");
  QUIET(futimens(fd, NULL));
  drain("times of the unlinked");
  QUIET(close(fd));
  drain("its last close");
  SHOW(inotify_add_watch(inotify, "data", IN_ALL_EVENTS & ~(IN_OPEN | IN_ACCESS | IN_CLOSE_NOWRITE)));
  SHOW(inotify_add_watch(inotify, "data/dir", IN_DELETE_SELF | IN_MOVE_SELF | IN_DELETE | IN_CREATE));
  QUIET(unlink("data/secret"));
  drain("a file that nobody has touched");
  QUIET(rename("data/dir", "data/moved"));
  drain("a directory moves");
  QUIET(mkdir("data/moved/new", 0755));
  QUIET(rmdir("data/moved/new"));
  drain("in the moved one");
  QUIET(rmdir("data/emptydir"));
  drain("a directory goes");
  QUIET(mkdir("data/emptydir", 0700));
  drain("and comes again");

  say("== directories");
  fresh();
  QUIET(mkdir("own/d", 0755));
  SHOW(inotify_add_watch(inotify, "own", IN_ALL_EVENTS));
  SHOW(inotify_add_watch(inotify, "own/d", IN_ALL_EVENTS));
  SHOW(inotify_add_watch(inotify, "data/many", IN_ALL_EVENTS));
  const char *both[] = {"own/d", "data/many"};
  for (int i = 0; i < 2; i++) {
    char entries[1024];
    fd = QUIET(open(both[i], O_RDONLY | O_DIRECTORY));
    drain("open");
    QUIET(syscall(SYS_getdents64, fd, entries, sizeof entries));
    drain("list");
    int second = QUIET(dup(fd));
    QUIET(close(second));
    drain("close one of two");
    QUIET(close(fd));
    drain("close the other");
  }
  SHOW(inotify_add_watch(inotify, "data", IN_ALL_EVENTS));
  for (int i = 0; i < 2; i++) {
    fd = QUIET(open("data/dir", O_RDONLY | O_DIRECTORY));
    drain("open of one in a directory");
    QUIET(close(fd));
    drain("close of one in a directory");
  }
  QUIET(chmod("own/d", 0700));
  drain("chmod");
  fd = QUIET(open("own/d", O_RDONLY | O_DIRECTORY));
  drain("open again");
  QUIET(rmdir("own/d"));
  drain("rmdir while open");
  QUIET(close(fd));
  drain("close the removed");
  QUIET(mkdir("own/d", 0755));
  SHOW(inotify_add_watch(inotify, "own/d", IN_ALL_EVENTS));
  QUIET(close(QUIET(open("own/d", O_RDONLY | O_DIRECTORY))));
  QUIET(rmdir("own/d"));
  drain("rmdir after the close");

  say("== masks");
  fresh();
  put_file("own/masks", "text");
  int number = SHOW(inotify_add_watch(inotify, "own/masks", IN_MODIFY));
  say("the same watch: %d", SHOW(inotify_add_watch(inotify, "own/masks", IN_ATTRIB | IN_MASK_ADD)) == number);
  append("own/masks");
  QUIET(chmod("own/masks", 0640));
  drain("both");
  SHOW(inotify_add_watch(inotify, "own/masks", IN_ATTRIB));
  append("own/masks");
  QUIET(chmod("own/masks", 0600));
  drain("the last alone");
  SHOW(inotify_add_watch(inotify, "own/masks", IN_ATTRIB | IN_MASK_CREATE));
  SHOW(inotify_add_watch(inotify, "own/masks", IN_ATTRIB | IN_MASK_CREATE | IN_MASK_ADD));
  SHOW(inotify_add_watch(inotify, "own/masks", IN_ONLYDIR | IN_ATTRIB));
  SHOW(inotify_add_watch(inotify, "own", IN_ONLYDIR));
  SHOW(inotify_add_watch(inotify, "own", 0x1000));
  SHOW(inotify_add_watch(-1, "missing", 0));
  SHOW(inotify_add_watch(-1, "missing", IN_OPEN));
  SHOW(inotify_add_watch(STDOUT_FILENO, "missing", IN_OPEN));
  SHOW(inotify_rm_watch(STDOUT_FILENO, 1));
  SHOW(inotify_rm_watch(inotify, number));
  SHOW(inotify_rm_watch(inotify, number));
  append("own/masks");
  QUIET(chmod("own/masks", 0640));
  drain("removed");
  SHOW(inotify_add_watch(inotify, "own/masks", IN_ATTRIB | IN_ONESHOT));
  QUIET(chmod("own/masks", 0600));
  QUIET(chmod("own/masks", 0640));
  drain("one shot");
  SHOW(inotify_add_watch(inotify, "own", IN_MODIFY | IN_EXCL_UNLINK));
  fd = QUIET(open("own/masks", O_WRONLY));
  QUIET(write(fd, "x", 1));
  QUIET(write(fd, "x", 1));
  drain("equal events are one");
  QUIET(unlink("own/masks"));
  QUIET(write(fd, "x", 1));
  drain("unlinked");
  QUIET(close(fd));

  say("== the descriptor");
  fresh();
  SHOW(inotify_add_watch(inotify, "own", IN_CREATE));
  put_file("own/a-name-that-is-long", "");
  int waiting = 0;
  SHOW(ioctl(inotify, FIONREAD, &waiting));
  say("waiting %d", waiting);
  char small[20];
  SHOW(read(inotify, small, sizeof small));
  char link[64] = "";
  snprintf(small, sizeof small, "%d", inotify);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", inotify);
  SHOW(readlink(path, link, sizeof link - 1));
  say("%s", link);
  int copy = QUIET(dup(inotify));
  SHOW(inotify_add_watch(copy, "own", IN_CREATE | IN_MASK_CREATE));
  drain("read");
  IN_CHILD {
    SHOW(inotify_add_watch(inotify, "own", IN_CREATE | IN_MASK_CREATE));
    put_file("own/by-child", "");
  }
  drain("the child's");

  say("== files that have no events");
  say("proc %d", inotify_add_watch(inotify, "/proc/filesystems", IN_ALL_EVENTS) > 0);
  say("device %d", inotify_add_watch(inotify, "/dev/null", IN_MODIFY) > 0);
  say("directory %d", inotify_add_watch(inotify, "/proc/self", IN_ATTRIB) > 0);
  drain("nothing");
}
