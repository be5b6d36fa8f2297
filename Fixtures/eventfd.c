// eventfd.
// calls: eventfd2 poll read write
#include "observe.h"
#include <poll.h>
#include <sys/eventfd.h>

static void show_events(int fd) {
  struct pollfd poller = {fd, POLLIN | POLLOUT, 0};
  poll(&poller, 1, 0);
  say("  events %#x", poller.revents);
}

int main(void) {
  uint64_t value;
  int fd = SHOW(eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC));
  show_events(fd);
  SHOW(read(fd, &value, 8));
  say("value %llu", (unsigned long long)value);
  SHOW(read(fd, &value, 8));
  show_events(fd);
  value = 5;
  SHOW(write(fd, &value, 8));
  SHOW(write(fd, &value, 8));
  SHOW(read(fd, &value, 8));
  say("value %llu", (unsigned long long)value);
  value = UINT64_MAX - 1;
  SHOW(write(fd, &value, 8));
  show_events(fd);
  value = 1;
  SHOW(write(fd, &value, 8));
  value = UINT64_MAX;
  SHOW(write(fd, &value, 8));
  SHOW(write(fd, &value, 4));
  SHOW(read(fd, &value, 4));
  SHOW(read(fd, bad_pointer(), 8));
  SHOW(lseek(fd, 0, SEEK_SET));
  SHOW(eventfd(0, 0x1234));
  say("-- semaphore");
  int semaphore = SHOW(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
  SHOW(read(semaphore, &value, 8));
  SHOW(read(semaphore, &value, 8));
  SHOW(read(semaphore, &value, 8));
  say("-- wakes another process");
  int shared = SHOW(eventfd(0, 0));
  pid_t pid = fork();
  if (pid == 0) {
    uint64_t got;
    QUIET(read(shared, &got, 8));
    _exit((int)got);
  }
  pause_ms(20);
  value = 42;
  SHOW(write(shared, &value, 8));
  wait_for("child", pid);
}
