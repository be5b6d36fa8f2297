// AF_UNIX sockets by path, abstract and unnamed: streams, datagrams, names, files.
// calls: accept bind connect getpeername getsockname getsockopt listen recvfrom sendto shutdown socket
#include "observe.h"
#include <poll.h>
#include <stddef.h>
#include <sys/un.h>

static struct sockaddr_un address;

static socklen_t named(const char *path) {
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
}

static int bound(const char *path, int type) {
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  socklen_t length = named(path);
  errno = 0;
  int result = bind(fd, (struct sockaddr *)&address, length);
  say("bind %s: %s", quote(path, strlen(path)), result < 0 ? error_name(errno) : "0");
  return fd;
}

static int connected(const char *path, int type) {
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  socklen_t length = named(path);
  errno = 0;
  int result = connect(fd, (struct sockaddr *)&address, length);
  say("connect %s: %s", quote(path, strlen(path)), result < 0 ? error_name(errno) : "0");
  return fd;
}

static void say_name(const char *label, int (*call)(int, struct sockaddr *, socklen_t *), int fd) {
  struct sockaddr_un name;
  socklen_t length = sizeof name;
  memset(&name, 0, sizeof name);
  if (call(fd, (struct sockaddr *)&name, &length) < 0) say("%s: %s", label, error_name(errno));
  else say("%s: family %d length %u %s", label, name.sun_family, length, quote(name.sun_path, strlen(name.sun_path)));
}

static void echo_once(int listener, const char *path) {
  int client = connected(path, SOCK_STREAM);
  int server = accept(listener, NULL, NULL);
  char text[32] = "";
  SHOW(write(client, "ping", 4));
  SHOW(read(server, text, sizeof text));
  SHOW(write(server, "pong!", 5));
  SHOW(read(client, text, sizeof text));
  say_name("client's peer", getpeername, client);
  say_name("server's own", getsockname, server);
  say_name("server's peer", getpeername, server);
  struct ucred who;
  socklen_t length = sizeof who;
  SHOW(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &who, &length));
  say("peer is ourselves %d %d %d", who.pid == getpid(), who.uid == getuid(), who.gid == getgid());
  SHOW(shutdown(client, SHUT_WR));
  SHOW(read(server, text, sizeof text));
  close(client);
  close(server);
}

int main(void) {
  say("-- a stream by path");
  int listener = bound("socket", SOCK_STREAM);
  show_stat("socket");
  connected("socket", SOCK_STREAM);
  SHOW(listen(listener, 5));
  echo_once(listener, "socket");
  echo_once(listener, "./data/../socket");
  QUIET(symlink("socket", "link"));
  echo_once(listener, "link");
  bound("socket", SOCK_STREAM);
  bound("link", SOCK_STREAM);
  connected("socket", SOCK_DGRAM);
  SHOW(open("socket", O_RDWR));
  SHOW(chmod("socket", 0600));
  SHOW(rename("socket", "data/dir/moved"));
  echo_once(listener, "data/dir/moved");
  connected("socket", SOCK_STREAM);
  QUIET(chdir("data/dir/sub/deep"));
  echo_once(listener, "../../moved");
  QUIET(chdir("../../../.."));
  IN_CHILD connected("data/dir/moved", SOCK_STREAM);
  SHOW(unlink("data/dir/moved"));
  connected("data/dir/moved", SOCK_STREAM);
  say_name("listener keeps its name", getsockname, listener);
  closefrom(3);

  say("-- a socket without a server");
  int dead = bound("dead", SOCK_STREAM);
  SHOW(listen(dead, 1));
  close(dead);
  show_stat("dead");
  connected("dead", SOCK_STREAM);
  bound("dead", SOCK_STREAM);
  SHOW(unlink("dead"));
  bound("dead", SOCK_STREAM);

  say("-- below");
  listener = bound("data/locked/../emptydir/s", SOCK_STREAM);
  SHOW(listen(listener, 5));
  echo_once(listener, "data/emptydir/s");
  show_directory("data/emptydir");

  say("-- refusals");
  bound("data/hello.txt", SOCK_STREAM);
  bound("data/missing/s", SOCK_STREAM);
  bound("data/hello.txt/s", SOCK_STREAM);
  bound("data/dangling", SOCK_STREAM);
  bound("data/dir", SOCK_STREAM);
  bound("data/locked/s", SOCK_STREAM);
  bound("data/foreign/s", SOCK_STREAM);
  bound("slash/", SOCK_STREAM);
  connected("data/hello.txt", SOCK_STREAM);
  connected("data/missing", SOCK_STREAM);
  connected("data/dir", SOCK_STREAM);
  connected("data/loop1", SOCK_STREAM);
  connected("data/fifo", SOCK_STREAM);
  connected("data/noaccess", SOCK_STREAM);
  connected("/dev/null", SOCK_STREAM);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  socklen_t length = named("x");
  SHOW(bind(fd, (struct sockaddr *)&address, 1) < 0 ? -1 : 0);
  SHOW(bind(fd, (struct sockaddr *)&address, 500) < 0 ? -1 : 0);
  SHOW(bind(fd, bad_pointer(), length) < 0 ? -1 : 0);
  SHOW(connect(fd, bad_pointer(), length) < 0 ? -1 : 0);
  SHOW(bind(99, (struct sockaddr *)&address, length) < 0 ? -1 : 0);
  SHOW(bind(STDIN_FILENO, (struct sockaddr *)&address, length) < 0 ? -1 : 0);
  address.sun_family = AF_INET;
  SHOW(bind(fd, (struct sockaddr *)&address, length) < 0 ? -1 : 0);
  // The whole field without a NUL is a legal name.
  named("");
  memset(address.sun_path, 'p', sizeof address.sun_path);
  SHOW(bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ? -1 : 0);
  SHOW(bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ? -1 : 0);
  show_directory(".");
  closefrom(3);

  say("-- abstract and autobound");
  char abstract[32];
  int n = snprintf(abstract, sizeof abstract, "_fixture-%d", (int)getpid());
  named(abstract);
  address.sun_path[0] = 0;
  length = offsetof(struct sockaddr_un, sun_path) + n;
  listener = socket(AF_UNIX, SOCK_STREAM, 0);
  SHOW(bind(listener, (struct sockaddr *)&address, length));
  SHOW(listen(listener, 1));
  int again = socket(AF_UNIX, SOCK_STREAM, 0);
  SHOW(bind(again, (struct sockaddr *)&address, length));
  SHOW(connect(again, (struct sockaddr *)&address, length));
  close(listener);
  again = socket(AF_UNIX, SOCK_STREAM, 0);
  SHOW(connect(again, (struct sockaddr *)&address, length));
  SHOW(bind(again, (struct sockaddr *)&address, sizeof(sa_family_t)));
  length = sizeof address;
  SHOW(getsockname(again, (struct sockaddr *)&address, &length));
  say("autobound length %u, abstract %d", length, address.sun_path[0] == 0);
  closefrom(3);

  say("-- datagrams");
  char text[32];
  int receiver = bound("data/receiver", SOCK_DGRAM), sender = bound("sender", SOCK_DGRAM);
  length = named("data/receiver");
  SHOW(sendto(sender, "one", 3, 0, (struct sockaddr *)&address, length));
  SHOW(sendto(sender, "two", 3, 0, (struct sockaddr *)&address, length));
  memset(&address, 0, sizeof address);
  length = sizeof address;
  SHOW(recvfrom(receiver, text, sizeof text, 0, (struct sockaddr *)&address, &length));
  say("from %s", quote(address.sun_path, strlen(address.sun_path)));
  SHOW(recv(receiver, text, 2, 0));
  SHOW(recv(receiver, text, 2, MSG_DONTWAIT));
  length = named("data/missing");
  SHOW(sendto(sender, "x", 1, 0, (struct sockaddr *)&address, length));
  length = named("data/receiver");
  SHOW(connect(sender, (struct sockaddr *)&address, length));
  SHOW(send(sender, "connected", 9, 0));
  SHOW(unlink("data/receiver"));
  SHOW(send(sender, "still", 5, 0));
  SHOW(recv(receiver, text, sizeof text, 0));
  close(receiver);
  SHOW(send(sender, "gone", 4, 0));
}
