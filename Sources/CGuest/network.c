// The guest's network, where it is given one: its own namespace is joined by a pair of virtual interfaces to a second one, in which every
// address is local. What stands there is uwrx-proxy's: no packet of the guest's goes further.
//
// All packets of a connection are ones that the kernel makes, so that the guest sees what TCP does and nothing of the proxy. A connection
// request meets a listener that drops it (network_listen), for without one it would be refused; the proxy has seen it through a packet socket,
// and when it knows how the other side answers, it connects to the guest in its turn: a simultaneous open (RFC 9293, 3.5), which for the guest
// is an ordinary success.
#include "guest.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int guest_namespace = -1, outside_namespace = -1, has_ipv6;

// A request to the kernel's tables (netlink(7), rtnetlink(7)).
struct request {
  struct nlmsghdr *header;
  char bytes[1024];
};

static void *append(struct request *r, size_t length) {
  void *place = r->bytes + NLMSG_ALIGN(r->header->nlmsg_len);
  r->header->nlmsg_len = NLMSG_ALIGN(r->header->nlmsg_len) + (unsigned)length;
  return place;
}

static void begin(struct request *r, int type, int flags, const void *payload, size_t length) {
  memset(r, 0, sizeof *r);
  r->header = (struct nlmsghdr *)r->bytes;
  *r->header = (struct nlmsghdr){.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = (uint16_t)type, .nlmsg_seq = 1,
                                 .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags)};
  memcpy(append(r, length), payload, length);
}

static struct rtattr *attribute(struct request *r, int type, const void *data, size_t length) {
  struct rtattr *a = append(r, RTA_LENGTH(length));
  a->rta_type = (unsigned short)type;
  a->rta_len = (unsigned short)RTA_LENGTH(length);
  if (length) memcpy(RTA_DATA(a), data, length);
  return a;
}

static void end(struct request *r, struct rtattr *nested) {
  nested->rta_len = (unsigned short)(r->bytes + r->header->nlmsg_len - (char *)nested);
}

// Returns 0 or -1 with errno set.
static int perform(int netlink, struct request *r) {
  char answer[4096];
  if (send(netlink, r->bytes, r->header->nlmsg_len, 0) < 0) return -1;
  ssize_t n = recv(netlink, answer, sizeof answer, 0);
  const struct nlmsghdr *h = (void *)answer;
  if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || h->nlmsg_type != NLMSG_ERROR) return errno = EPROTO, -1;
  int error = ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
  return error ? (errno = -error, -1) : 0;
}

static int open_netlink(void) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); }

static int index_of(const char *name) {
  struct ifreq request = {0};
  strcpy(request.ifr_name, name);
  int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int result = s < 0 || ioctl(s, SIOCGIFINDEX, &request) ? -1 : request.ifr_ifindex;
  if (s >= 0) close(s);
  return result;
}

// The other side's end is eth0 of the guest. Its hardware addresses are the same in each run.
static const unsigned char guest_hardware[6] = {2, 'u', 'w', 'r', 'x', 15}, gateway_hardware[6] = {2, 'u', 'w', 'r', 'x', 2};

static int make_pair(int netlink) {
  struct request r;
  struct ifinfomsg link = {0};
  begin(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
  attribute(&r, IFLA_IFNAME, "guest", 6);
  attribute(&r, IFLA_ADDRESS, gateway_hardware, 6);
  struct rtattr *information = attribute(&r, IFLA_LINKINFO, NULL, 0);
  attribute(&r, IFLA_INFO_KIND, "veth", 4);
  struct rtattr *data = attribute(&r, IFLA_INFO_DATA, NULL, 0);
  struct rtattr *peer = attribute(&r, VETH_INFO_PEER, NULL, 0);
  memcpy(append(&r, sizeof link), &link, sizeof link);
  attribute(&r, IFLA_IFNAME, "eth0", 5);
  attribute(&r, IFLA_ADDRESS, guest_hardware, 6);
  attribute(&r, IFLA_NET_NS_FD, &guest_namespace, sizeof guest_namespace);
  end(&r, peer);
  end(&r, data);
  end(&r, information);
  return perform(netlink, &r);
}

static int bring(unsigned flags, int netlink, int interface) {
  struct request r;
  struct ifinfomsg link = {.ifi_index = interface, .ifi_flags = flags, .ifi_change = IFF_UP};
  begin(&r, RTM_NEWLINK, 0, &link, sizeof link);
  return perform(netlink, &r);
}

static int bring_up(int netlink, int interface) { return bring(IFF_UP, netlink, interface); }

// An address of either family, as text; "" for every one.
struct address {
  int family, bits;
  size_t length;
  unsigned char bytes[16];
};

static struct address parse(int family, const char *text, int bits) {
  struct address a = {.family = family, .bits = bits, .length = family == AF_INET ? 4 : 16};
  inet_pton(family, text, a.bytes);
  return a;
}

static int add_address(int netlink, int interface, struct address a) {
  struct request r;
  struct ifaddrmsg m = {.ifa_family = (uint8_t)a.family, .ifa_prefixlen = (uint8_t)a.bits, .ifa_index = (unsigned)interface};
  begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof m);
  // Nobody else can have it. All of the network is behind the gateway, whose hardware address is known: nobody has to be asked for his.
  unsigned flags = IFA_F_NODAD | IFA_F_NOPREFIXROUTE;
  attribute(&r, IFA_FLAGS, &flags, sizeof flags);
  attribute(&r, IFA_LOCAL, a.bytes, a.length);
  attribute(&r, IFA_ADDRESS, a.bytes, a.length);
  return perform(netlink, &r);
}

static int add_neighbour(int netlink, int interface, struct address a, const unsigned char hardware[6]) {
  struct request r;
  struct ndmsg m = {.ndm_family = (uint8_t)a.family, .ndm_ifindex = interface, .ndm_state = NUD_PERMANENT};
  begin(&r, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &m, sizeof m);
  attribute(&r, NDA_DST, a.bytes, a.length);
  attribute(&r, NDA_LLADDR, hardware, 6);
  return perform(netlink, &r);
}

struct route {
  int command, type, table, scope, interface;
  struct address to;
  const struct address *via, *from;
};

static int change_route(int netlink, struct route route) {
  struct request r;
  struct rtmsg m = {.rtm_family = (uint8_t)route.to.family, .rtm_dst_len = (uint8_t)route.to.bits,
                    .rtm_table = (uint8_t)route.table, .rtm_protocol = RTPROT_BOOT,
                    .rtm_scope = (uint8_t)route.scope, .rtm_type = (uint8_t)route.type};
  if (route.command == RTM_DELROUTE) m.rtm_protocol = RTPROT_UNSPEC;
  begin(&r, route.command, route.command == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0, &m, sizeof m);
  if (route.to.bits) attribute(&r, RTA_DST, route.to.bytes, route.to.length);
  if (route.via) attribute(&r, RTA_GATEWAY, route.via->bytes, route.via->length);
  if (route.from) attribute(&r, RTA_PREFSRC, route.from->bytes, route.from->length);
  attribute(&r, RTA_OIF, &route.interface, sizeof route.interface);
  return perform(netlink, &r);
}

// Settings of the network namespace that the caller is in. What an older kernel lacks is not set.
static void write_setting(const char *name, const char *value) {
  char path[128];
  snprintf(path, sizeof path, "/proc/sys/net/%s", name);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  ssize_t written = write(file, value, strlen(value));
  (void)written;
  close(file);
}

// Of interfaces that are made later.
static void write_interface_settings(void) {
  // Addresses of 127/8 come and go over an interface that is not the loopback.
  write_setting("ipv4/conf/all/route_localnet", "1");
  write_setting("ipv4/conf/default/route_localnet", "1");
  write_setting("ipv4/conf/all/rp_filter", "0");
  write_setting("ipv4/conf/default/rp_filter", "0");
  write_setting("ipv6/conf/default/disable_ipv6", "0");
  write_setting("ipv6/conf/default/addr_gen_mode", "1");
  write_setting("ipv6/conf/default/accept_ra", "0");
  write_setting("ipv6/conf/default/router_solicitations", "0");
}

static int configure_guest(int netlink, int loopback, int interface) {
  struct address own = parse(AF_INET, "10.0.2.15", 24), gateway = parse(AF_INET, "10.0.2.2", 32);
  struct address own6 = parse(AF_INET6, "fd00:2::15", 64), gateway6 = parse(AF_INET6, "fd00:2::2", 128);
  struct address all = parse(AF_INET, "0.0.0.0", 0), all6 = parse(AF_INET6, "::", 0);
  struct address host = parse(AF_INET, "127.0.0.1", 8);
  struct address kept = parse(AF_INET, "127.0.0.0", 24), last = parse(AF_INET, "127.255.255.0", 24);
  struct address names = parse(AF_INET, "127.0.0.0", 8);
  if (bring_up(netlink, interface) || add_address(netlink, interface, own) ||
      add_neighbour(netlink, interface, gateway, gateway_hardware) ||
      change_route(netlink, (struct route){RTM_NEWROUTE, RTN_UNICAST, RT_TABLE_MAIN, RT_SCOPE_LINK, interface, gateway, NULL, &own}) ||
      change_route(netlink, (struct route){RTM_NEWROUTE, RTN_UNICAST, RT_TABLE_MAIN, RT_SCOPE_UNIVERSE, interface, all, &gateway, &own}) ||
      // The guest keeps two networks of its loopback; the others are addresses of names.
      change_route(netlink, (struct route){RTM_NEWROUTE, RTN_LOCAL, RT_TABLE_LOCAL, RT_SCOPE_HOST, loopback, kept, NULL, &host}) ||
      change_route(netlink, (struct route){RTM_NEWROUTE, RTN_LOCAL, RT_TABLE_LOCAL, RT_SCOPE_HOST, loopback, last, NULL, &host}) ||
      change_route(netlink, (struct route){RTM_DELROUTE, RTN_LOCAL, RT_TABLE_LOCAL, RT_SCOPE_HOST, loopback, names, NULL, NULL}) ||
      change_route(netlink, (struct route){RTM_NEWROUTE, RTN_UNICAST, RT_TABLE_MAIN, RT_SCOPE_UNIVERSE, interface, names, &gateway, &own}))
    return -1;
  if (!has_ipv6) return 0;
  return add_address(netlink, interface, own6) || add_neighbour(netlink, interface, gateway6, gateway_hardware) ||
         change_route(netlink, (struct route){RTM_NEWROUTE, RTN_UNICAST, RT_TABLE_MAIN, RT_SCOPE_LINK, interface, gateway6, NULL, NULL}) ||
         change_route(netlink, (struct route){RTM_NEWROUTE, RTN_UNICAST, RT_TABLE_MAIN, RT_SCOPE_UNIVERSE, interface, all6, &gateway6, NULL});
}

static int configure_outside(int netlink, int loopback, int interface) {
  struct address guest = parse(AF_INET, "10.0.2.15", 32), all = parse(AF_INET, "0.0.0.0", 0);
  struct address guest6 = parse(AF_INET6, "fd00:2::15", 128), all6 = parse(AF_INET6, "::", 0);
  // Every address is local but the guest's, which stand in the same table: it is looked at first, and the longer prefix wins.
  if (bring_up(netlink, loopback) || bring_up(netlink, interface) || add_neighbour(netlink, interface, guest, guest_hardware) ||
      change_route(netlink, (struct route){RTM_NEWROUTE, RTN_LOCAL, RT_TABLE_LOCAL, RT_SCOPE_HOST, loopback, all, NULL, NULL}) ||
      change_route(netlink, (struct route){RTM_NEWROUTE, RTN_UNICAST, RT_TABLE_LOCAL, RT_SCOPE_LINK, interface, guest, NULL, NULL}))
    return -1;
  if (!has_ipv6) return 0;
  return add_neighbour(netlink, interface, guest6, guest_hardware) ||
         change_route(netlink, (struct route){RTM_NEWROUTE, RTN_LOCAL, RT_TABLE_LOCAL, RT_SCOPE_HOST, loopback, all6, NULL, NULL}) ||
         change_route(netlink, (struct route){RTM_NEWROUTE, RTN_UNICAST, RT_TABLE_LOCAL, RT_SCOPE_LINK, interface, guest6, NULL, NULL});
}

// Sees the connection requests that come from the guest: SYN without ACK. Offsets count from the network header (packet(7), SOCK_DGRAM).
static int watch_requests(int family, int interface) {
  struct sock_filter ipv4[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 6),
      // A fragment that is not the first has no ports.
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 256)};
  struct sock_filter ipv6[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 3),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40 + 13), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 1, 0), BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 256)};
  struct sock_fprog program = family == AF_INET ? (struct sock_fprog){sizeof ipv4 / sizeof *ipv4, ipv4}
                                                : (struct sock_fprog){sizeof ipv6 / sizeof *ipv6, ipv6};
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = interface,
                                .sll_protocol = htons(family == AF_INET ? ETH_P_IP : ETH_P_IPV6)};
  // It receives nothing before it is bound to its protocol, and by then it has its filter.
  int s = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (s < 0 || setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) ||
      bind(s, (struct sockaddr *)&address, sizeof address))
    return -1;
  return s;
}

// A socket of the second network, bound to a port of all its addresses.
static int bound_socket(int family, int type, int port) {
  int on = 1;
  int s = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int result = s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (family == AF_INET6) result = result || setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  result = result || (family == AF_INET ? bind(s, (struct sockaddr *)&address, sizeof address)
                                        : bind(s, (struct sockaddr *)&address6, sizeof address6));
  return result ? -1 : s;
}

// Names are asked for at port 53 of any address, and the answer comes from the one that was asked.
static int datagrams(int family) {
  int on = 1, s = bound_socket(family, SOCK_DGRAM, 53);
  if (s >= 0 && setsockopt(s, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, family == AF_INET ? IP_PKTINFO : IPV6_RECVPKTINFO, &on,
                           sizeof on))
    return -1;
  return s;
}

static int name_connections(int family) {
  int s = bound_socket(family, SOCK_STREAM, 53);
  return s < 0 || listen(s, 128) ? -1 : s;
}

static void enter(int namespace) {
  // What follows would be done in the wrong one.
  if (setns(namespace, CLONE_NEWNET)) _exit(125);
}

void uwrx_build_network(int events, int channel) {
  has_ipv6 = !access("/proc/sys/net/ipv6/conf/all/disable_ipv6", F_OK);
  int inside = open_netlink(), loopback = index_of("lo"), sockets[6], count = 0;
  guest_namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  write_interface_settings();
  // A send that connects would not be seen (MSG_FASTOPEN, tcp(7)): it fails with EOPNOTSUPP, and programs connect first.
  write_setting("ipv4/tcp_fastopen", "0");
  if (inside < 0 || loopback < 0 || guest_namespace < 0 || unshare(CLONE_NEWNET)) uwrx_fail(events, "make a second network namespace");
  outside_namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  write_interface_settings();
  write_setting("ipv4/ip_unprivileged_port_start", "0");
  write_setting("ipv6/ip_nonlocal_bind", "1");
  // Only who is named answers, and a ping names nobody.
  write_setting("ipv4/icmp_echo_ignore_all", "1");
  write_setting("ipv6/icmp/echo_ignore_all", "1");
  // As many ports as a guest that looks for open ones asks for in a moment are refused in that moment.
  write_setting("ipv4/icmp_ratelimit", "0");
  write_setting("ipv6/icmp/ratelimit", "0");
  int outside = open_netlink();
  if (outside_namespace < 0 || outside < 0 || make_pair(outside))
    uwrx_fail(events, "make a pair of virtual interfaces (veth) for the guest's network");
  int interface = index_of("guest"), outside_loopback = index_of("lo");
  if (interface < 0 || outside_loopback < 0 || configure_outside(outside, outside_loopback, interface))
    uwrx_fail(events, "set up the second network namespace");
  for (int six = 0; six <= has_ipv6; six++) {
    int family = six ? AF_INET6 : AF_INET;
    int made[3] = {watch_requests(family, interface), datagrams(family), name_connections(family)};
    for (int i = 0; i < 3; i++)
      if ((sockets[count++] = made[i]) < 0) uwrx_fail(events, "make the sockets of the guest's network");
  }
  enter(guest_namespace);
  int eth0 = index_of("eth0");
  if (eth0 < 0 || configure_guest(inside, loopback, eth0)) uwrx_fail(events, "set up the guest's network");
  struct uwrx_message header = {.operation = UWRX_NETWORK_READY, .value = interface};
  if (uwrx_send_descriptors(channel, &header, "", sockets, count, 0)) uwrx_fail(events, "hand the guest's network over");
  for (int i = 0; i < count; i++) close(sockets[i]);
  close(inside);
  close(outside);
}

// Nobody answers any more: the guest is told so at once (ENETUNREACH).
void uwrx_end_network(void) {
  int netlink = open_netlink();
  if (netlink < 0) return;
  bring(0, netlink, index_of("eth0"));
  close(netlink);
}

// Drops whatever comes. Stays for as long as the guest runs.
int uwrx_network_listen(int port) {
  if (outside_namespace < 0 || port < 1 || port > 65535) return -EINVAL;
  struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
  struct sock_fprog program = {1, none};
  int result = 0;
  enter(outside_namespace);
  for (int six = 0; six <= has_ipv6 && !result; six++) {
    int s = bound_socket(six ? AF_INET6 : AF_INET, SOCK_STREAM, port);
    if (s >= 0 && !setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) && !listen(s, 1)) continue;
    result = -errno;
    if (s >= 0) close(s);
  }
  enter(guest_namespace);
  return result;
}

// The proxy asks for sockets of the second network, which it can make itself as little as a mount. They are of guest init's user, as the
// listeners are: so they may have the same ports (socket(7), SO_REUSEPORT). Those of the guest's own reach its servers.
void uwrx_serve_network(int channel) {
  struct uwrx_message m;
  ssize_t n = recv(channel, &m, sizeof m, MSG_DONTWAIT | MSG_TRUNC);
  if (n < 0 && errno == EAGAIN) return;
  // The proxy has gone, or is not what it was: the guest has no network any more.
  if (n != sizeof m || m.operation != UWRX_NETWORK_SOCKETS || m.value < 1 || m.value > UWRX_NETWORK_MOST_SOCKETS) {
    shutdown(channel, SHUT_RDWR);
    return;
  }
  int sockets[UWRX_NETWORK_MOST_SOCKETS], count = 0, on = 1, family = m.device == 6 ? AF_INET6 : AF_INET;
  if (!m.inode) enter(outside_namespace);
  while (count < m.value) {
    int s = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0) break;
    sockets[count++] = s;
    if (!m.inode && setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on)) break;
  }
  if (!m.inode) enter(guest_namespace);
  struct uwrx_message answer = {.operation = UWRX_NETWORK_SOCKETS, .value = count, .device = m.device, .serial = m.serial};
  uwrx_send_descriptors(channel, &answer, "", sockets, count, MSG_DONTWAIT);
  while (count) close(sockets[--count]);
}
