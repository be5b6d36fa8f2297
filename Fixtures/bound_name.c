// What bind(2) to a path has done when it returns, and what it asks first.
// calls: bind connect fchmod getsockname stat
#include "observe.h"
#include <stddef.h>
#include <sys/inotify.h>
#include <sys/un.h>

static struct sockaddr_un address;

static socklen_t named(const char *path) {
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path, strnlen(path, sizeof address.sun_path));
  return offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
}

static int binds(int fd, const char *path) {
  socklen_t length = named(path);
  return bind(fd, (struct sockaddr *)&address, length);
}

static int connects(int fd, const char *path) {
  socklen_t length = named(path);
  return connect(fd, (struct sockaddr *)&address, length);
}

static int later(struct timespec one, struct timespec two) {
  return one.tv_sec > two.tv_sec || (one.tv_sec == two.tv_sec && one.tv_nsec > two.tv_nsec);
}

int main(void) {
  say("-- times");
  struct stat before, after, looked, own;
  QUIET(mkdir("place", 0755));
  QUIET(stat("place", &before));
  pause_ms(30);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  SHOW(binds(fd, "place/name"));
  pause_ms(30);
  QUIET(stat("place", &after));
  pause_ms(30);
  QUIET(stat("place/name", &own));
  show_directory("place");
  QUIET(stat("place", &looked));
  say("changed by the call %d, by looking %d, socket later than its directory %d", later(after.st_mtim, before.st_mtim),
      later(looked.st_mtim, after.st_mtim), later(own.st_mtim, after.st_mtim));

  say("-- modes");
  umask(027);
  SHOW(binds(socket(AF_UNIX, SOCK_DGRAM, 0), "masked"));
  show_stat("masked");
  umask(0);
  fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  SHOW(fchmod(fd, 0640));
  SHOW(binds(fd, "set"));
  show_stat("set");
  umask(022);

  say("-- a name that is kept");
  for (int turn = 0; turn < 3; turn++) {
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(binds(fd, "place/kept"));
    close(fd);
    SHOW(unlink("place/kept"));
  }
  QUIET(mkdir("place/inner", 0755));
  SHOW(binds(socket(AF_UNIX, SOCK_STREAM, 0), "place/inner/s"));
  SHOW(rmdir("place/inner"));
  SHOW(rename("place/inner", "moved"));
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  SHOW(binds(listener, "moved/l"));
  SHOW(listen(listener, 1));
  SHOW(connects(socket(AF_UNIX, SOCK_STREAM, 0), "moved/l"));
  SHOW(rename("moved", "place/inner"));
  SHOW(connects(socket(AF_UNIX, SOCK_STREAM, 0), "moved/l"));
  SHOW(connects(socket(AF_UNIX, SOCK_STREAM, 0), "place/inner/l"));

  say("-- what is bound to");
  QUIET(symlink("place", "way"));
  fd = socket(AF_UNIX, SOCK_STREAM, 0);
  SHOW(binds(fd, "./way/../way/by-link"));
  socklen_t length = sizeof address;
  memset(&address, 0, sizeof address);
  SHOW(getsockname(fd, (struct sockaddr *)&address, &length));
  say("%u %s", length, quote(address.sun_path, strlen(address.sun_path)));
  show_stat("place/by-link");
  QUIET(chdir("place"));
  SHOW(binds(socket(AF_UNIX, SOCK_STREAM, 0), "here"));
  show_stat("here");
  QUIET(chdir(".."));

  say("-- by a link of the caller's own");
  char deep[400] = "place", by[64];
  for (int i = 0; i < 3; i++) {
    strcat(deep, "/"), memset(deep + strlen(deep), 'd', 60), deep[6 + 61 * i + 60] = 0;
    QUIET(mkdir(deep, 0755));
  }
  const char *directories[] = {"place", deep};
  for (int i = 0; i < 2; i++) {
    int directory = open(directories[i], O_RDONLY | O_DIRECTORY);
    static const char *forms[] = {"/proc/self/fd/%d/by-self", "/proc/thread-self/fd/%d/by-thread", "/dev/fd/%d/by-dev"};
    for (int form = 0; form < 3; form++) {
      snprintf(by, sizeof by, forms[form], directory);
      listener = socket(AF_UNIX, SOCK_STREAM, 0);
      SHOW(binds(listener, by));
      SHOW(listen(listener, 1));
      SHOW(connects(socket(AF_UNIX, SOCK_STREAM, 0), by));
      show_stat(by);
      SHOW(unlink(by));
    }
    SHOW(binds(socket(AF_UNIX, SOCK_STREAM, 0), "/proc/self/cwd/by-cwd"));
    show_stat("by-cwd");
    SHOW(unlink("by-cwd"));
    close(directory);
  }

  say("-- twice");
  fd = socket(AF_UNIX, SOCK_STREAM, 0);
  SHOW(binds(fd, "once"));
  SHOW(binds(fd, "twice"));
  show_stat("twice");
  SHOW(binds(fd, "once"));
  SHOW(binds(fd, "missing/x"));

  say("-- the socket comes before the path");
  int other = socket(AF_INET, SOCK_STREAM, 0), null = open("/dev/null", O_RDWR), place = open("place", O_PATH);
  SHOW(binds(other, "place"));
  SHOW(binds(other, "missing/x"));
  SHOW(connects(other, "missing/x"));
  SHOW(binds(null, "missing/x"));
  SHOW(connects(null, "missing/x"));
  SHOW(binds(place, "missing/x"));
  SHOW(connects(place, "missing/x"));
  SHOW(binds(99, "missing/x"));
  SHOW(connects(99, "missing/x"));
  SHOW(bind(99, bad_pointer(), 20));
  SHOW(bind(other, bad_pointer(), 20));
  SHOW(bind(null, bad_pointer(), 20));
  SHOW(bind(fd, bad_pointer(), 200));
  SHOW(bind(fd, bad_pointer(), -1));

  say("-- the longest");
  char name[120];
  memset(name, 'n', sizeof name);
  for (size_t size = 106; size <= 109; size++) {
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, name, size < 108 ? size : 108);
    int result = bind(fd, (struct sockaddr *)&address, offsetof(struct sockaddr_un, sun_path) + size);
    say("%zu: %s", size, result < 0 ? error_name(errno) : "0");
    char told[200] = "";
    length = sizeof told;
    SHOW(getsockname(fd, (struct sockaddr *)told, &length));
    say("told %u", length);
  }
  show_directory(".");
}
