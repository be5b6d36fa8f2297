// Reaches a network: every family, raw sockets, the host's ports, interfaces and routes, netlink.
// natively: escapes
#include "attack.h"
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

static void reaches(int s, struct sockaddr *address, socklen_t size, const char *how) {
  struct timeval wait = {0, 30000};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  char bytes[8];
  if (connect(s, address, size) == 0) {
    send(s, "x", 1, MSG_NOSIGNAL);
    if (recv(s, bytes, sizeof bytes, 0) == 6) escaped("%s", how);
  }
  if (sendto(s, "x", 1, MSG_NOSIGNAL | MSG_FASTOPEN, address, size) == 1 && recv(s, bytes, sizeof bytes, 0) == 6) escaped("%s, sendto", how);
  close(s);
}

static int send_route(int s, int type, int interface) {
  struct {
    struct nlmsghdr header;
    union {
      struct rtmsg route;
      struct ifinfomsg link;
      struct ifaddrmsg address;
    };
    char rest[64];
  } request = {.header = {sizeof request, type, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK, 1, 0}};
  if (type == RTM_NEWADDR) request.address = (struct ifaddrmsg){AF_INET, 8, 0, 0, interface};
  if (type == RTM_NEWLINK || type == RTM_DELLINK) request.link = (struct ifinfomsg){.ifi_index = interface, .ifi_change = IFF_UP};
  if (type == RTM_NEWROUTE) request.route = (struct rtmsg){AF_INET, 0, 0, 0, 254, 3, 0, 1, 0};
  if (send(s, &request, sizeof request, 0) < 0) return -errno;
  char answer[8192];
  ssize_t count = recv(s, answer, sizeof answer, 0);
  struct nlmsghdr *header = (void *)answer;
  return count > 0 && header->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)NLMSG_DATA(header))->error : -EIO;
}

int main(void) {
  int port = number("ATTACK_PORT");
  struct sockaddr_in four = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}, {0}};
  struct sockaddr_in6 mapped = {AF_INET6, htons(port), 0, IN6ADDR_LOOPBACK_INIT, 0};
  reaches(socket(AF_INET, SOCK_STREAM, 0), (void *)&four, sizeof four, "TCP");
  reaches(socket(AF_INET, SOCK_DGRAM, 0), (void *)&four, sizeof four, "UDP");
  memcpy(&mapped.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
  reaches(socket(AF_INET6, SOCK_STREAM, 0), (void *)&mapped, sizeof mapped, "TCP over a mapped address");
  four.sin_addr.s_addr = 0;
  reaches(socket(AF_INET, SOCK_STREAM, 0), (void *)&four, sizeof four, "TCP to any address");
  // The one network is a loopback of its own.
  for (int index = 1; index < 64; index++) {
    char name[IF_NAMESIZE];
    if (if_indextoname(index, name) && strcmp(name, "lo") && getenv("ATTACK_SUPERVISOR") && number("ATTACK_SUPERVISOR") != getpid())
      escaped("an interface %s", name);
  }
  // Families and types that need a privilege or a module; AF_UNIX, AF_INET, AF_INET6 and routes are for all.
  for (int family = 0; family < 64; family++)
    for (int type = 1; type < 11; type++) {
      bool is_local = family == AF_UNIX || family == AF_INET || family == AF_INET6;
      for (int protocol = 0; protocol < 260; protocol += is_local ? 1 : 64) {
        if (is_local && (type == SOCK_STREAM || type == SOCK_DGRAM || (type == SOCK_SEQPACKET && family == AF_UNIX))) continue;
        if (family == AF_UNIX && type == SOCK_RAW) continue; // is SOCK_DGRAM
        if (family == AF_NETLINK && protocol == NETLINK_ROUTE) continue;
        int s = socket(family, type, protocol);
        if (s >= 0 && getppid() == 1) escaped("socket(%d, %d, %d)", family, type, protocol);
        close(s);
        s = (int)syscall(SYS_socket, 0xffffffff00000000l | family, type, protocol);
        if (s >= 0 && getppid() == 1) escaped("socket(%d, %d, %d) with high bits", family, type, protocol);
        close(s);
      }
    }
  for (int protocol = 1; protocol < 32; protocol++) {
    int s = socket(AF_NETLINK, SOCK_RAW, protocol);
    if (s >= 0 && getppid() == 1) escaped("netlink %d", protocol);
    close(s);
  }
  int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  NEEDS(s >= 0);
  struct timeval wait = {0, 100000};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  if (send_route(s, RTM_NEWLINK, 0) == 0) escaped("a new interface");
  if (send_route(s, RTM_NEWADDR, 1) == 0) escaped("a new address");
  if (send_route(s, RTM_NEWROUTE, 1) == 0) escaped("a new route");
  if (send_route(s, RTM_DELLINK, 1) == 0) escaped("an interface less");
  int inet = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq request = {.ifr_name = "lo"};
  for (unsigned number = 0x8900; number < 0x8a00; number++) {
    // SIOCSIF*, SIOCBR*, SIOCADDRT, SIOCDARP, SIOCBOND*: the readers are left out by their odd names.
    static const unsigned char writers[] = {0x0b, 0x0c, 0x14, 0x16, 0x18, 0x1a, 0x1c, 0x22, 0x24, 0x31, 0x32, 0x34, 0x53, 0x55, 0x71, 0x80, 0x83, 0x90, 0xa0, 0xa2, 0xb0};
    for (unsigned i = 0; i < sizeof writers; i++)
      if (0x8900u + writers[i] == number && ioctl(inet, number, &request) == 0) escaped("ioctl(%#x)", number);
  }
  int one = 1;
  if (setsockopt(inet, SOL_SOCKET, SO_MARK, &one, 4) == 0) escaped("SO_MARK");
  if (setsockopt(inet, SOL_SOCKET, 33 /* SO_RCVBUFFORCE */, &one, 4) == 0) escaped("SO_RCVBUFFORCE");
  if (setsockopt(inet, SOL_SOCKET, 50 /* SO_ATTACH_BPF */, &one, 4) == 0) escaped("SO_ATTACH_BPF");
  int tcp = socket(AF_INET, SOCK_STREAM, 0);
  if (setsockopt(tcp, IPPROTO_TCP, 19 /* TCP_REPAIR */, &one, 4) == 0) escaped("TCP_REPAIR");
  char replace[256] = "filter";
  if (setsockopt(inet, IPPROTO_IP, 64 /* IPT_SO_SET_REPLACE */, replace, sizeof replace) == 0) escaped("iptables");
  return verdict();
}
