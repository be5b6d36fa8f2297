// Who watches a file that it has open, as `tail -f` does, reads what others append to it: also of a file of a source, which is copied before
// it is changed.
// calls: inotify_add_watch openat read
#include "observe.h"
#include <poll.h>
#include <sys/inotify.h>

static void rest(const char *what, int fd) {
  char text[256];
  ssize_t length;
  say("-- %s", what);
  while ((length = read(fd, text, sizeof text)) > 0) say("%zd bytes: %.*s", length, (int)length, text);
  say("end %zd at %lld", length, (long long)lseek(fd, 0, SEEK_CUR));
}

static void follow(const char *path) {
  say("== %s", path);
  int fd = QUIET(open(path, O_RDONLY | O_NONBLOCK));
  char text[4];
  SHOW(read(fd, text, sizeof text));
  int inotify = QUIET(inotify_init1(IN_CLOEXEC));
  SHOW(inotify_add_watch(inotify, path, IN_MODIFY | IN_DELETE_SELF | IN_ATTRIB));
  struct stat before, after;
  QUIET(fstat(fd, &before));
  rest("what there was", fd);
  IN_CHILD {
    int writer = QUIET(open(path, O_WRONLY | O_APPEND));
    QUIET(write(writer, "one\n", 4));
    QUIET(close(writer));
  }
  struct pollfd poller = {inotify, POLLIN, 0};
  SHOW(poll(&poller, 1, 1000));
  rest("what was appended", fd);
  int writer = QUIET(open(path, O_WRONLY | O_APPEND));
  QUIET(write(writer, "two\n", 4));
  rest("and again", fd);
  QUIET(close(writer));
  QUIET(stat(path, &after));
  say("the same file: %d", before.st_ino == after.st_ino);
  say("flags %#x", fcntl(fd, F_GETFL) & ~0100000);
  QUIET(close(fd));
  QUIET(close(inotify));
}

int main(void) {
  follow("data/hello.txt");
  follow("data/secret");
  put_file("own", "text\n");
  follow("own");
}
