// Packets and datagrams with the addresses that they go from and to.
#include "CLinux.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

union packet_information {
  struct cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

long uwrx_receive_datagram(int socket, void *buffer, size_t length, struct uwrx_datagram_ends *ends) {
  struct sockaddr_storage peer;
  union packet_information control;
  struct iovec iov = {buffer, length};
  struct msghdr message = {.msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &iov, .msg_iovlen = 1,
                           .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  long n;
  do
    n = recvmsg(socket, &message, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0) return -errno;
  memset(ends, 0, sizeof *ends);
  ends->family = peer.ss_family;
  if (peer.ss_family == AF_INET) {
    const struct sockaddr_in *a = (void *)&peer;
    ends->peer_port = ntohs(a->sin_port);
    memcpy(ends->peer, &a->sin_addr, 4);
  } else {
    const struct sockaddr_in6 *a = (void *)&peer;
    ends->peer_port = ntohs(a->sin6_port);
    memcpy(ends->peer, &a->sin6_addr, 16);
  }
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo information;
      memcpy(&information, CMSG_DATA(c), sizeof information);
      memcpy(ends->own, &information.ipi_addr, 4);
      ends->interface = information.ipi_ifindex;
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo information;
      memcpy(&information, CMSG_DATA(c), sizeof information);
      memcpy(ends->own, &information.ipi6_addr, 16);
      ends->interface = (int)information.ipi6_ifindex;
    }
  }
  return n;
}

long uwrx_send_datagram(int socket, const void *bytes, size_t length, const struct uwrx_datagram_ends *ends) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(ends->peer_port)};
  struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_port = htons(ends->peer_port)};
  union packet_information control = {0};
  struct iovec iov = {(void *)bytes, length};
  struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes};
  struct cmsghdr *c = &control.align;
  if (ends->family == AF_INET) {
    struct in_pktinfo information = {0};
    memcpy(&address.sin_addr, ends->peer, 4);
    memcpy(&information.ipi_spec_dst, ends->own, 4);
    c->cmsg_level = IPPROTO_IP, c->cmsg_type = IP_PKTINFO, c->cmsg_len = CMSG_LEN(sizeof information);
    memcpy(CMSG_DATA(c), &information, sizeof information);
    message.msg_name = &address, message.msg_namelen = sizeof address, message.msg_controllen = CMSG_SPACE(sizeof information);
  } else {
    struct in6_pktinfo information = {0};
    memcpy(&address6.sin6_addr, ends->peer, 16);
    memcpy(&information.ipi6_addr, ends->own, 16);
    c->cmsg_level = IPPROTO_IPV6, c->cmsg_type = IPV6_PKTINFO, c->cmsg_len = CMSG_LEN(sizeof information);
    memcpy(CMSG_DATA(c), &information, sizeof information);
    message.msg_name = &address6, message.msg_namelen = sizeof address6, message.msg_controllen = CMSG_SPACE(sizeof information);
  }
  return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

long uwrx_send_packet(int socket, int interface, int is_ipv6, const uint8_t *hardware, const void *bytes, size_t length) {
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = interface, .sll_halen = 6,
                                .sll_protocol = htons(is_ipv6 ? ETH_P_IPV6 : ETH_P_IP)};
  memcpy(address.sll_addr, hardware, 6);
  return sendto(socket, bytes, length, MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
}

long uwrx_connect_from(int socket, size_t length, const uint8_t *own, uint16_t own_port, const uint8_t *peer, uint16_t peer_port) {
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(own_port)}, to = {.sin_family = AF_INET, .sin_port = htons(peer_port)};
  struct sockaddr_in6 from6 = {.sin6_family = AF_INET6, .sin6_port = htons(own_port)},
                      to6 = {.sin6_family = AF_INET6, .sin6_port = htons(peer_port)};
  int result;
  if (length == 4) {
    memcpy(&from.sin_addr, own, 4);
    memcpy(&to.sin_addr, peer, 4);
    result = bind(socket, (struct sockaddr *)&from, sizeof from) || connect(socket, (struct sockaddr *)&to, sizeof to);
  } else {
    memcpy(&from6.sin6_addr, own, 16);
    memcpy(&to6.sin6_addr, peer, 16);
    result = bind(socket, (struct sockaddr *)&from6, sizeof from6) || connect(socket, (struct sockaddr *)&to6, sizeof to6);
  }
  return result && errno != EINPROGRESS ? -errno : 0;
}
