// AF_NETLINK route dumps: what glibc, Go and Node ask at start. Only the loopback is the same everywhere.
// calls: bind getsockname ioctl recvfrom recvmsg sendto socket
#include "observe.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>

static void dump(int type, const char *label) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) {
    say("%s: socket %s", label, error_name(errno));
    return;
  }
  struct sockaddr_nl own = {.nl_family = AF_NETLINK};
  if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0) say("%s: bind %s", label, error_name(errno));
  socklen_t length = sizeof own;
  getsockname(fd, (struct sockaddr *)&own, &length);
  struct {
    struct nlmsghdr header;
    struct rtgenmsg body;
  } request = {{sizeof request, type, NLM_F_REQUEST | NLM_F_DUMP, 7, 0}, {AF_UNSPEC}};
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  if (sendto(fd, &request, sizeof request, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0)
    say("%s: sendto %s", label, error_name(errno));
  int loopback = 0, wrong = 0;
  for (bool done = false; !done;) {
    static char buffer[65536] __attribute__((aligned(8)));
    struct sockaddr_nl from;
    length = sizeof from;
    ssize_t n = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &length);
    if (n <= 0) {
      say("%s: recvfrom %s", label, error_name(errno));
      break;
    }
    wrong += from.nl_pid != 0;
    int left = (int)n;
    for (struct nlmsghdr *at = (struct nlmsghdr *)buffer; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
      wrong += at->nlmsg_seq != 7 || at->nlmsg_pid != own.nl_pid;
      if (at->nlmsg_type == NLMSG_DONE) done = true;
      if (at->nlmsg_type == NLMSG_ERROR) {
        say("%s: error %s", label, error_name(-((struct nlmsgerr *)NLMSG_DATA(at))->error));
        done = true;
      }
      if (at->nlmsg_type == RTM_NEWLINK) {
        struct ifinfomsg *link = NLMSG_DATA(at);
        if (link->ifi_flags & IFF_LOOPBACK) {
          loopback++;
          say("%s: loopback index %d, up %d", label, link->ifi_index, (link->ifi_flags & IFF_UP) != 0);
        }
      }
      if (at->nlmsg_type == RTM_NEWADDR) {
        struct ifaddrmsg *address = NLMSG_DATA(at);
        if (address->ifa_index == 1 && address->ifa_family == AF_INET && address->ifa_prefixlen == 8) loopback++;
      }
    }
  }
  say("%s: loopback found %d, wrong headers %d", label, loopback, wrong);
  close(fd);
}

int main(void) {
  dump(RTM_GETLINK, "links");
  dump(RTM_GETADDR, "addresses");
  struct ifaddrs *list;
  SHOW(getifaddrs(&list));
  for (struct ifaddrs *at = list; at; at = at->ifa_next) {
    if (strcmp(at->ifa_name, "lo") || !at->ifa_addr || at->ifa_addr->sa_family != AF_INET) continue;
    say("lo has %s", inet_ntoa(((struct sockaddr_in *)at->ifa_addr)->sin_addr));
  }
  SHOW(if_nametoindex("lo"));
  SHOW(if_nametoindex("nosuch"));
  char name[IF_NAMESIZE];
  say("index 1 is %s", if_indextoname(1, name) ? name : "nothing");

  say("-- ioctl");
  int fd = SHOW(socket(AF_INET, SOCK_DGRAM, 0));
  struct ifreq request = {.ifr_name = "lo"};
  SHOW(ioctl(fd, SIOCGIFFLAGS, &request));
  say("up %d, loopback %d", (request.ifr_flags & IFF_UP) != 0, (request.ifr_flags & IFF_LOOPBACK) != 0);
  SHOW(ioctl(fd, SIOCGIFMTU, &request));
  say("mtu %d", request.ifr_mtu);
  SHOW(ioctl(fd, SIOCGIFADDR, &request));
  strcpy(request.ifr_name, "nosuch");
  SHOW(ioctl(fd, SIOCGIFFLAGS, &request));
  request = (struct ifreq){.ifr_ifindex = 1};
  SHOW(ioctl(fd, SIOCGIFNAME, &request));
  say("index 1 is %s", request.ifr_name);
  struct ifreq entries[64];
  struct ifconf interfaces = {0};
  SHOW(ioctl(fd, SIOCGIFCONF, &interfaces));
  say("asked for the length: whole entries %d", interfaces.ifc_len >= (int)sizeof *entries && !(interfaces.ifc_len % sizeof *entries));
  for (int size = 2 * sizeof *entries - 1; size > -2; size -= sizeof *entries) {
    interfaces = (struct ifconf){.ifc_len = size, .ifc_req = entries};
    SHOW(ioctl(fd, SIOCGIFCONF, &interfaces));
    say("%d bytes for it: %d", size, interfaces.ifc_len);
  }
  interfaces = (struct ifconf){.ifc_len = sizeof entries, .ifc_req = entries};
  SHOW(ioctl(fd, SIOCGIFCONF, &interfaces));
  say("the first is %s", entries[0].ifr_name);
  interfaces = (struct ifconf){.ifc_len = sizeof entries, .ifc_buf = (char *)8};
  SHOW(ioctl(fd, SIOCGIFCONF, &interfaces));
  SHOW(ioctl(fd, SIOCGIFCONF, 8));
  SHOW(ioctl(fd, SIOCGIFFLAGS, 8));
  SHOW(ioctl(-1, SIOCGIFFLAGS, &request));
  int pipes[2];
  SHOW(pipe(pipes));
  SHOW(ioctl(pipes[0], SIOCGIFFLAGS, &request));
  SHOW(ioctl(pipes[0], SIOCGIFCONF, &interfaces));

  say("-- refusals");
  int netlink = SHOW(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
  struct sockaddr_nl own = {.nl_family = AF_NETLINK, .nl_pid = getpid()};
  SHOW(bind(netlink, (struct sockaddr *)&own, sizeof own));
  int second = SHOW(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
  SHOW(bind(second, (struct sockaddr *)&own, sizeof own));
  SHOW(bind(second, (struct sockaddr *)&own, 4));
  SHOW(recv(netlink, name, 1, MSG_DONTWAIT));
}
