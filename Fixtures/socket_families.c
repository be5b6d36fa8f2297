// socket(2): families, types and protocols that any program may ask for, and those that do not exist.
// calls: getsockopt setsockopt socket
#include "observe.h"
#include <netinet/in.h>

static void try(const char *label, int family, int type, int protocol) {
  int fd = socket(family, type, protocol);
  if (fd < 0) {
    say("%s: %s", label, error_name(errno));
    return;
  }
  int gotType = -1, gotFamily = -1;
  socklen_t length = sizeof(int);
  getsockopt(fd, SOL_SOCKET, SO_TYPE, &gotType, &length);
  getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &gotFamily, &length);
  say("%s: descriptor %d family %d type %d flags %#o %d", label, fd, gotFamily, gotType, fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
  close(fd);
}

int main(void) {
  try("unix stream", AF_UNIX, SOCK_STREAM, 0);
  try("unix datagram", AF_UNIX, SOCK_DGRAM, 0);
  try("unix packets", AF_UNIX, SOCK_SEQPACKET, 0);
  try("unix raw", AF_UNIX, SOCK_RAW, 0);
  try("unix protocol 1", AF_UNIX, SOCK_STREAM, 1);
  try("unix protocol 99", AF_UNIX, SOCK_STREAM, 99);
  try("flags", AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  try("type 0", AF_UNIX, 0, 0);
  try("type 99", AF_UNIX, 99, 0);
  try("odd flags", AF_UNIX, SOCK_STREAM | 0x100000, 0);
  try("tcp", AF_INET, SOCK_STREAM, 0);
  try("tcp by number", AF_INET, SOCK_STREAM, IPPROTO_TCP);
  try("udp", AF_INET, SOCK_DGRAM, IPPROTO_UDP);
  try("tcp as datagram", AF_INET, SOCK_DGRAM, IPPROTO_TCP);
  try("inet packets", AF_INET, SOCK_SEQPACKET, 0);
  try("inet protocol 300", AF_INET, SOCK_STREAM, 300);
  try("tcp6", AF_INET6, SOCK_STREAM, 0);
  try("udp6", AF_INET6, SOCK_DGRAM, 0);
  try("route", AF_NETLINK, SOCK_RAW, 0);
  try("netlink protocol 99", AF_NETLINK, SOCK_RAW, 99);
  try("netlink stream", AF_NETLINK, SOCK_STREAM, 0);
  try("family 0", AF_UNSPEC, SOCK_STREAM, 0);
  try("family -1", -1, SOCK_STREAM, 0);
  try("family 99", 99, SOCK_STREAM, 0);

  say("-- options");
  int fd = SHOW(socket(AF_INET, SOCK_STREAM, 0)), value = 0;
  socklen_t length = sizeof value;
  SHOW(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length));
  SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int)));
  SHOW(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &length));
  say("value %d", value);
  SHOW(setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)));
  SHOW(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0, 10000}, sizeof(struct timeval)));
  SHOW(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){65536}, sizeof(int)));
  SHOW(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &length));
  say("value %d", value);
  SHOW(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int)));
  SHOW(setsockopt(fd, 9999, 1, &value, sizeof value));
  SHOW(setsockopt(99, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value));
  SHOW(setsockopt(STDIN_FILENO, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value));
  show_fstat("socket", fd);
  SHOW(lseek(fd, 0, SEEK_SET));
  SHOW(read(fd, &value, 1));
  SHOW(fcntl(fd, F_SETFL, O_NONBLOCK));
  char link[64];
  ssize_t n = readlink("/proc/self/fd/3", link, sizeof link);
  say("link %s", quote(link, n > 8 ? 8 : n));
  SHOW(open("/proc/self/fd/3", O_RDWR));
}
