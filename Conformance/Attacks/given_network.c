// Reaches what a network given by name does not hold: the host's loopback by every spelling, what only a device may, other networks; a racing
// thread changes the address; names, ports and requests without end and sense.
// natively: escapes
// options: --net --allow * --deny 192.0.2.0/24
#include "attack.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static int port;

// The canary answers with six bytes.
static void reaches(const char *text) {
  struct sockaddr_storage address = {0};
  struct sockaddr_in *four = (void *)&address;
  struct sockaddr_in6 *six = (void *)&address;
  socklen_t size = sizeof *four;
  four->sin_port = htons(port);
  address.ss_family = AF_INET;
  if (inet_pton(AF_INET, text, &four->sin_addr) != 1) {
    address.ss_family = AF_INET6;
    size = sizeof *six;
    if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1) exit(BROKEN);
    if (IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr)) six->sin6_scope_id = 2;
  }
  for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++)
    for (int fast = 0; fast < 2; fast++) {
      int s = socket(address.ss_family, type, 0);
      struct timeval wait = {0, type == SOCK_STREAM ? 500000 : 30000};
      char bytes[8];
      setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
      setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
      bool sent = fast ? sendto(s, "x", 1, MSG_NOSIGNAL | (type == SOCK_STREAM ? MSG_FASTOPEN : 0), (void *)&address, size) == 1
                       : connect(s, (void *)&address, size) == 0 && send(s, "x", 1, MSG_NOSIGNAL) == 1;
      if (sent && recv(s, bytes, sizeof bytes, 0) == 6) escaped("%s, type %d%s", text, type, fast ? ", sendto" : "");
      close(s);
    }
}

static struct sockaddr_in raced;
static volatile bool is_over;

static void *change(void *unused) {
  (void)unused;
  while (!is_over) {
    raced.sin_addr.s_addr = htonl(0xc0000201); // 192.0.2.1
    raced.sin_addr.s_addr = htonl(0x7f000101);
    raced.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  return NULL;
}

static void races(void) {
  pthread_t thread;
  raced = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
  if (pthread_create(&thread, NULL, change, NULL)) exit(BROKEN);
  for (int i = 0; i < 300; i++) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval wait = {0, 100000};
    char bytes[8];
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (connect(s, (void *)&raced, sizeof raced) == 0 && send(s, "x", 1, MSG_NOSIGNAL) == 1 && recv(s, bytes, sizeof bytes, 0) == 6)
      escaped("a race");
    close(s);
  }
  is_over = true;
  pthread_join(thread, NULL);
}

static int asks(const char *name_server) {
  static const char query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\4name\4test\0\0\1\0\1";
  struct sockaddr_in server = {AF_INET, htons(53), {inet_addr(name_server)}, {0}};
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct timeval wait = {10, 0};
  char answer[512];
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  sendto(s, query, sizeof query - 1, 0, (void *)&server, sizeof server);
  ssize_t count = recv(s, answer, sizeof answer, 0);
  close(s);
  return count > 12;
}

// Whatever is sent to where names are asked for, the next is answered.
static void asks_nonsense(void) {
  struct sockaddr_in server = {AF_INET, htons(53), {inet_addr("10.0.2.3")}, {0}};
  int datagrams = socket(AF_INET, SOCK_DGRAM, 0), stream = socket(AF_INET, SOCK_STREAM, 0);
  char bytes[1500];
  srandom(1);
  for (int i = 0; i < 3000; i++) {
    int length = random() % (int)sizeof bytes;
    for (int j = 0; j < length; j++) bytes[j] = (char)random();
    // One question of many, and no answer.
    if (i % 2 && length > 12) memcpy(bytes + 2, "\1\0\0\1", 4);
    sendto(datagrams, bytes, length, 0, (void *)&server, sizeof server);
  }
  if (connect(stream, (void *)&server, sizeof server) == 0)
    for (int i = 0; i < 2000; i++)
      if (send(stream, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN) break;
  close(datagrams);
  close(stream);
}

// More ports than there are listeners, more requests than are looked at.
static void scans(void) {
  for (int i = 1; i < 4000; i++) {
    struct sockaddr_in address = {AF_INET, htons(i), {inet_addr("192.0.2.9")}, {0}};
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (s >= 0) connect(s, (void *)&address, sizeof address);
    close(s);
  }
}

int main(void) {
  port = number("ATTACK_PORT");
  static const char *const addresses[] = {
      "127.0.0.1", "127.0.1.1", "127.1.2.3", "127.255.255.254", "0.0.0.0", "10.0.2.2", "10.0.2.3", "10.0.2.15", "169.254.169.254", "192.0.2.1",
      "224.0.0.1", "255.255.255.255", "::1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::", "::ffff:0:127.0.0.1",
      "fe80::1", "fd00:2::2", "fd00:3::1", "ff02::1"};
  for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++) reaches(addresses[i]);
  int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (setsockopt(s, IPPROTO_IP, 19 /* IP_TRANSPARENT */, &one, 4) == 0) escaped("IP_TRANSPARENT");
  close(s);
  if (socket(AF_PACKET, SOCK_DGRAM, 0) >= 0 || socket(AF_INET, SOCK_RAW, IPPROTO_RAW) >= 0) escaped("raw packets");
  races();
  // Natively nobody is asked.
  if (getppid() == 1) {
    NEEDS(asks("10.0.2.3"));
    asks_nonsense();
    scans();
    if (!asks("192.0.2.53")) escaped("names are not answered any more");
  }
  return verdict();
}
