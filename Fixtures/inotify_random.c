// Random calls in watched directories of a source and of our own, the same for each seed: after each, the events.
// calls: inotify_add_watch inotify_rm_watch openat renameat2 linkat unlinkat mkdirat truncate fchmodat utimensat getdents64
#include "observe.h"
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <utime.h>

static int inotify;
static uint64_t state;

static unsigned any(unsigned limit) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(state >> 33) % limit;
}

static void drain(void) {
  char buffer[65536] __attribute__((aligned(8)));
  uint32_t cookie = 0;
  ssize_t length;
  while ((length = read(inotify, buffer, sizeof buffer)) > 0) {
    for (ssize_t at = 0; at < length;) {
      struct inotify_event *event = (void *)(buffer + at);
      at += sizeof *event + event->len;
      say("  %d: %#x %s%s", event->wd, event->mask, event->len ? event->name : "-",
          !event->cookie ? "" : event->cookie == cookie ? " same" : " cookie");
      cookie = event->cookie;
    }
  }
}

static const char *path(char *buffer) {
  static const char *const directories[] = {"data/dir", "data/many", "own", "data"};
  static const char *const names[] = {"a", "f001", "f002", "sub", "new", "hello.txt", "numbers.txt", "other"};
  sprintf(buffer, "%s/%s", directories[any(4)], names[any(8)]);
  return buffer;
}

static void one(void) {
  char a[64], b[64], text[64];
  unsigned call = any(16), write_flags = any(2) ? O_TRUNC : O_APPEND;
  path(a);
  path(b);
  int result = -1, fd;
  switch (call) {
    case 0:
    case 1:
      result = fd = open(a, O_WRONLY | O_CREAT | write_flags, 0644);
      if (fd >= 0) {
        write(fd, "text", 4);
        close(fd);
        result = 0;
      }
      break;
    case 2:
      result = fd = open(a, O_RDONLY);
      if (fd >= 0) {
        read(fd, text, sizeof text);
        close(fd);
        result = 0;
      }
      break;
    case 3: result = chmod(a, 0700); break;
    case 4: result = utime(a, NULL); break;
    case 5: result = truncate(a, 3); break;
    case 6:
    case 7: result = rename(a, b); break;
    case 8: result = link(a, b); break;
    case 9: result = unlink(a); break;
    case 10: result = mkdir(a, 0755); break;
    case 11: result = rmdir(a); break;
    case 12: result = symlink("nowhere", a); break;
    case 13: result = syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */); break;
    case 14:
      result = fd = open("data/dir", O_RDONLY | O_DIRECTORY);
      if (fd >= 0) {
        syscall(SYS_getdents64, fd, text, sizeof text);
        close(fd);
        result = 0;
      }
      break;
    case 15: result = chown(a, geteuid(), getegid()); break;
  }
  say("%u %s %s = %d %s", call, a, b, result, result < 0 ? error_name(errno) : "");
}

int main(void) {
  QUIET(mkdir("own", 0755));
  for (unsigned seed = 1; seed <= 60; seed++) {
    state = seed;
    say("== %u", seed);
    inotify = QUIET(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    // Half of the time as programs do, that do not want to know of reading.
    uint32_t kept = seed % 2 ? IN_ALL_EVENTS : IN_ALL_EVENTS & ~(IN_OPEN | IN_ACCESS | IN_CLOSE_NOWRITE);
    int last = 0;
    for (int i = 0; i < 60; i++) {
      char a[64];
      switch (any(8)) {
        case 0:
          last = inotify_add_watch(inotify, any(2) ? path(a) : "data/dir", (any(2) ? IN_ALL_EVENTS : any(0xfff) + 1) & kept);
          say("watch %d %s", last, last < 0 ? error_name(errno) : "");
          break;
        case 1:
          if (any(4) == 0) SHOW(inotify_rm_watch(inotify, last));
          break;
        case 2:
        case 3: {
          // Both go on from the same place.
          uint64_t before = state;
          IN_CHILD one();
          state = before + 1;
          break;
        }
        default: one();
      }
      drain();
    }
    QUIET(close(inotify));
  }
}
