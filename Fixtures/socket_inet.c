// TCP and UDP over the loopback: server and client in this tree. And addresses that nobody can reach.
// calls: accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom sendto setsockopt shutdown
// calls: socket
#include "observe.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

static struct sockaddr_in at(const char *address, int port) {
  struct sockaddr_in result = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, address, &result.sin_addr);
  return result;
}

static long connect4(int fd, struct sockaddr_in to) { return connect(fd, (struct sockaddr *)&to, sizeof to); }
static long bind4(int fd, struct sockaddr_in to) { return bind(fd, (struct sockaddr *)&to, sizeof to); }

static int port_of(int fd) {
  struct sockaddr_in name;
  socklen_t length = sizeof name;
  return getsockname(fd, (struct sockaddr *)&name, &length) < 0 ? -1 : ntohs(name.sin_port);
}

static void stream(void) {
  char text[64] = "";
  say("-- TCP");
  int listener = SHOW(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SHOW(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)));
  SHOW(bind4(listener, at("127.0.0.1", 0)));
  int port = port_of(listener);
  say("a port was given %d", port > 0);
  int early = SHOW(socket(AF_INET, SOCK_STREAM, 0));
  SHOW(connect4(early, at("127.0.0.1", port)));
  SHOW(listen(listener, 8));
  int second = SHOW(socket(AF_INET, SOCK_STREAM, 0));
  SHOW(bind4(second, at("127.0.0.1", port)));
  pid_t pid = fork();
  if (pid == 0) {
    int client = socket(AF_INET, SOCK_STREAM, 0);
    QUIET(connect4(client, at("127.0.0.1", port)));
    QUIET(write(client, "from the client", 15));
    ssize_t n = read(client, text, sizeof text);
    QUIET(shutdown(client, SHUT_WR));
    _exit(n == 9 && read(client, text, 1) == 0 ? 0 : 1);
  }
  struct sockaddr_in peer;
  socklen_t length = sizeof peer;
  int server = SHOW(accept4(listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC));
  say("from %s, length %u", inet_ntoa(peer.sin_addr), length);
  SHOW(read(server, text, sizeof text));
  say("%s", quote(text, 15));
  SHOW(send(server, "an answer", 9, 0));
  SHOW(read(server, text, sizeof text));
  close(server);
  wait_for("client", pid);
  int client = SHOW(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  SHOW(connect4(client, at("127.0.0.1", port)));
  struct pollfd poller = {client, POLLOUT, 0};
  SHOW(poll(&poller, 1, 5000));
  int error = -1;
  length = sizeof error;
  SHOW(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &length));
  say("error %d", error);
  SHOW(connect4(client, at("127.0.0.1", port)));
  SHOW(setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)));
  SHOW(recv(client, text, 1, 0));
  close(listener);
  SHOW(connect4(second, at("127.0.0.1", port)));
  closefrom(3);
}

static void datagram(void) {
  char text[64];
  say("-- UDP");
  int server = SHOW(socket(AF_INET, SOCK_DGRAM, 0)), client = SHOW(socket(AF_INET, SOCK_DGRAM, 0));
  SHOW(bind4(server, at("127.0.0.1", 0)));
  struct sockaddr_in to = at("127.0.0.1", port_of(server)), from;
  socklen_t length = sizeof from;
  SHOW(sendto(client, "packet", 6, 0, (struct sockaddr *)&to, sizeof to));
  SHOW(recvfrom(server, text, sizeof text, 0, (struct sockaddr *)&from, &length));
  say("from %s %d", inet_ntoa(from.sin_addr), ntohs(from.sin_port) == port_of(client));
  SHOW(sendto(server, "back", 4, 0, (struct sockaddr *)&from, sizeof from));
  SHOW(connect4(client, to));
  SHOW(recv(client, text, sizeof text, 0));
  SHOW(send(client, "connected", 9, 0));
  SHOW(recv(server, text, 4, MSG_TRUNC));
  close(server);
  SHOW(send(client, "nobody", 6, 0));
  SHOW(recv(client, text, 1, 0));
  int other = SHOW(socket(AF_INET, SOCK_DGRAM, 0));
  SHOW(sendto(other, "x", 1, 0, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET6}, sizeof to));
  static char large[70000];
  SHOW(sendto(other, large, sizeof large, 0, (struct sockaddr *)&to, sizeof to));
  closefrom(3);
}

int main(void) {
  stream();
  datagram();
  say("-- other loopback addresses");
  int fd = SHOW(socket(AF_INET, SOCK_STREAM, 0));
  SHOW(bind4(fd, at("127.9.8.7", 0)));
  SHOW(listen(fd, 1));
  int client = SHOW(socket(AF_INET, SOCK_STREAM, 0));
  SHOW(connect4(client, at("127.9.8.7", port_of(fd))));
  int any = SHOW(socket(AF_INET, SOCK_STREAM, 0));
  SHOW(bind4(any, at("0.0.0.0", 0)));
  SHOW(listen(any, 1));
  client = SHOW(socket(AF_INET, SOCK_STREAM, 0));
  SHOW(connect4(client, at("0.0.0.0", port_of(any))));

  say("-- IPv6 loopback");
  int six = SHOW(socket(AF_INET6, SOCK_STREAM, 0));
  struct sockaddr_in6 local = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  socklen_t length = sizeof local;
  SHOW(bind(six, (struct sockaddr *)&local, sizeof local));
  SHOW(listen(six, 1));
  SHOW(getsockname(six, (struct sockaddr *)&local, &length));
  client = SHOW(socket(AF_INET6, SOCK_STREAM, 0));
  SHOW(connect(client, (struct sockaddr *)&local, sizeof local));

  say("-- refusals");
  int plain = SHOW(socket(AF_INET, SOCK_STREAM, 0));
  SHOW(bind4(plain, at("203.0.113.1", 0)));
  SHOW(bind(plain, (struct sockaddr *)&local, 3));
  SHOW(bind(plain, bad_pointer(), sizeof(struct sockaddr_in)));
  SHOW(bind(99, (struct sockaddr *)&local, sizeof local));
  SHOW(connect(plain, (struct sockaddr *)&local, sizeof local));
  SHOW(connect(plain, bad_pointer(), sizeof local));
  SHOW(connect4(plain, at("127.0.0.1", 1)));
  // Addresses that no route leads to anywhere: reserved, and a broadcast without permission.
  plain = SHOW(socket(AF_INET, SOCK_STREAM, 0));
  SHOW(connect4(plain, at("255.255.255.255", 80)));
  SHOW(accept(plain, NULL, NULL));
  SHOW(listen(STDIN_FILENO, 1));
  SHOW(getpeername(plain, (struct sockaddr *)&local, &length));
  SHOW(getsockopt(plain, SOL_SOCKET, 9999, &(int){0}, &length));
  SHOW(setsockopt(plain, SOL_SOCKET, SO_REUSEADDR, bad_pointer(), sizeof(int)));
  SHOW(shutdown(plain, SHUT_RDWR));
  SHOW(send(plain, "x", 1, MSG_NOSIGNAL));
}
