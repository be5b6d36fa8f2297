/* forward <port> <to port>: passes bytes between connections to a port of the loopback and ones that it makes to another, one after the other, as they
 * come. It reads nothing of them: what it costs costs any program that stands between a client and its server. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[1 << 18];

static int pass(int from, int to) {
  ssize_t count = read(from, buffer, sizeof buffer);
  for (ssize_t done = 0; done < count;) {
    ssize_t written = write(to, buffer + done, count - done);
    if (written < 0) return 0;
    done += written;
  }
  return count > 0;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16)) return 1;
  address.sin_port = htons(atoi(arguments[2]));
  for (;;) {
    struct pollfd ends[2] = {{accept(listener, NULL, NULL), POLLIN, 0}, {socket(AF_INET, SOCK_STREAM, 0), POLLIN, 0}};
    int isOpen = connect(ends[1].fd, (struct sockaddr *)&address, sizeof address) == 0;
    for (int end = 0; end < 2; end++) setsockopt(ends[end].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    while (isOpen && poll(ends, 2, -1) > 0) {
      for (int end = 0; end < 2; end++) {
        if (isOpen && ends[end].revents) isOpen = pass(ends[end].fd, ends[!end].fd);
      }
    }
    close(ends[0].fd);
    close(ends[1].fd);
  }
}
