// Makes the supervisor's own close of a socket wait: it holds the last descriptor of one that lingers with unsent data.
// options: --timeout 20
#include "attack.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static int descriptor;

static void *look(void *argument) {
  struct stat st;
  // Each look takes a reference to the socket and gives it back.
  for (;;) fstat(descriptor, &st);
  return argument;
}

int main(void) {
  struct sockaddr_in address = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  NEEDS(bind(listener, (void *)&address, sizeof address) == 0 && listen(listener, 1000) == 0);
  NEEDS(getsockname(listener, (void *)&address, &length) == 0);
  pid_t bystander = fork();
  if (bystander == 0) {
    // Somebody else's call: it must not wait for a socket that is not its own.
    struct stat st;
    for (double end = now() + 3 * patience() + 4, last = now(); last < end;) {
      stat("data/hello.txt", &st);
      double time = now();
      if (time - last > 2) escaped("a call of another process waited %.1f s", time - last);
      last = time;
      usleep(1000);
    }
    _exit(0);
  }
  char block[65536] = {0};
  for (int turn = 0; turn < 150; turn++) {
    pid_t holder = fork();
    if (holder == 0) {
      close(listener);
      descriptor = socket(AF_INET, SOCK_STREAM, 0);
      NEEDS(connect(descriptor, (void *)&address, length) == 0);
      setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &(struct linger){1, 100000}, sizeof(struct linger));
      while (send(descriptor, block, sizeof block, MSG_DONTWAIT) > 0) {
      }
      pthread_t thread;
      for (int i = 0; i < 2; i++) NEEDS(pthread_create(&thread, NULL, look, NULL) == 0);
      usleep(1000 + rand() % 50);
      // A process that ends does not linger. The supervisor does not end.
      _exit(0);
    }
    int peer = accept(listener, NULL, NULL);
    waitpid(holder, NULL, 0);
    // The peer stays and reads nothing.
    NEEDS(peer >= 0);
  }
  waitpid(bystander, NULL, 0);
  return verdict();
}
