// epoll: registration, triggering, and what happens to closed and duplicated descriptors.
// calls: epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait
#include "observe.h"
#include <sys/epoll.h>

static int ep;

static void wait_all(const char *label, int timeout) {
  struct epoll_event events[8];
  int n = epoll_wait(ep, events, 8, timeout);
  say("%s: %d", label, n);
  for (int i = 0; i < n; i++) say("  data %d events %#x", events[i].data.u32, events[i].events);
}

static long control(int operation, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.u32 = fd};
  return epoll_ctl(ep, operation, fd, &event);
}

int main(void) {
  int fds[2], pair[2];
  char text[8];
  ep = SHOW(epoll_create1(EPOLL_CLOEXEC));
  QUIET(pipe(fds));
  QUIET(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
  SHOW(control(EPOLL_CTL_ADD, fds[0], EPOLLIN));
  SHOW(control(EPOLL_CTL_ADD, fds[0], EPOLLIN));
  wait_all("nothing", 0);
  QUIET(write(fds[1], "xy", 2));
  wait_all("level", -1);
  QUIET(read(fds[0], text, 1));
  wait_all("level again", -1);
  SHOW(control(EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLET));
  wait_all("edge", 0);
  wait_all("edge again", 0);
  QUIET(write(fds[1], "z", 1));
  wait_all("edge after a write", 0);
  SHOW(control(EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLONESHOT));
  wait_all("one shot", 0);
  wait_all("one shot again", 0);
  SHOW(control(EPOLL_CTL_DEL, fds[0], 0));
  SHOW(control(EPOLL_CTL_DEL, fds[0], 0));
  SHOW(control(EPOLL_CTL_MOD, fds[0], EPOLLIN));

  say("-- sockets");
  SHOW(control(EPOLL_CTL_ADD, pair[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP));
  wait_all("writable", 0);
  close(pair[1]);
  wait_all("hung up", 0);
  int copy = dup(pair[0]);
  close(pair[0]);
  wait_all("closed, but a duplicate lives", 0);
  close(copy);
  wait_all("closed", 0);

  say("-- refusals");
  int file = SHOW(open("data/hello.txt", O_RDONLY)), directory = SHOW(open("data", O_RDONLY)), null = SHOW(open("/dev/null", O_RDWR));
  SHOW(control(EPOLL_CTL_ADD, file, EPOLLIN));
  SHOW(control(EPOLL_CTL_ADD, directory, EPOLLIN));
  SHOW(control(EPOLL_CTL_ADD, null, EPOLLIN));
  SHOW(control(EPOLL_CTL_ADD, 99, EPOLLIN));
  SHOW(control(EPOLL_CTL_ADD, ep, EPOLLIN));
  SHOW(control(77, fds[0], EPOLLIN));
  SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], bad_pointer()));
  SHOW(epoll_ctl(99, EPOLL_CTL_ADD, fds[0], bad_pointer()));
  SHOW(epoll_ctl(file, EPOLL_CTL_DEL, fds[0], NULL));
  struct epoll_event event;
  SHOW(epoll_wait(ep, &event, 0, 0));
  SHOW(epoll_wait(file, &event, 1, 0));
  SHOW(epoll_wait(99, &event, 1, 0));
  SHOW(epoll_create1(0x1234));
  SHOW(syscall(SYS_epoll_create, 0));
  SHOW(syscall(SYS_epoll_create, 1));

  say("-- a child writes, nested sets, pwait");
  int outer = SHOW(epoll_create1(0));
  event = (struct epoll_event){.events = EPOLLIN, .data.u32 = 1000};
  SHOW(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &event));
  QUIET(read(fds[0], text, 8));
  SHOW(control(EPOLL_CTL_ADD, fds[0], EPOLLIN));
  pid_t pid = fork();
  if (pid == 0) {
    pause_ms(30);
    QUIET(write(fds[1], "c", 1));
    _exit(0);
  }
  SHOW(epoll_wait(outer, &event, 1, 5000));
  say("data %d", event.data.u32);
  wait_for("child", pid);
  sigset_t none;
  sigemptyset(&none);
  SHOW(epoll_pwait(ep, &event, 1, 0, &none));
  SHOW(syscall(SYS_epoll_pwait2, ep, &event, 1, &(struct timespec){0, 1000}, &none, 8));
}
