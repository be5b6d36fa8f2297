// The kernel's own asynchronous I/O: rings, requests, completions.
// calls: io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit
#include "observe.h"
#include <linux/aio_abi.h>
#include <sys/eventfd.h>

static aio_context_t ring;

static long submit(struct iocb *request) {
  struct iocb *requests[1] = {request};
  return syscall(SYS_io_submit, ring, 1, requests);
}

static void show_events(long minimum) {
  struct io_event events[4] = {{0}};
  struct timespec limit = {2, 0};
  long count = SHOW(syscall(SYS_io_getevents, ring, minimum, 4, events, &limit));
  for (long i = 0; i < count; i++) say("  data %d result %lld", (int)events[i].data, (long long)events[i].res);
}

int main(void) {
  SHOW(syscall(SYS_io_setup, 0, &ring));
  SHOW(syscall(SYS_io_setup, 8, bad_pointer()));
  SHOW(syscall(SYS_io_setup, 8, &ring));
  aio_context_t again = ring;
  SHOW(syscall(SYS_io_setup, 8, &again));

  int fd = open("own", O_RDWR | O_CREAT, 0644), below = open("data/hello.txt", O_RDONLY);
  char text[16] = "written by ring";
  struct iocb write = {.aio_data = 1, .aio_lio_opcode = IOCB_CMD_PWRITE};
  write.aio_fildes = fd;
  write.aio_buf = (uintptr_t)text;
  write.aio_nbytes = 15;
  SHOW(submit(&write));
  show_events(1);
  show_file("own");
  char back[16] = "";
  struct iocb read = {.aio_data = 2, .aio_lio_opcode = IOCB_CMD_PREAD};
  read.aio_fildes = below;
  read.aio_buf = (uintptr_t)back;
  read.aio_nbytes = 5;
  SHOW(submit(&read));
  show_events(1);
  say("read %s", quote(back, 5));
  write.aio_fildes = below;
  SHOW(submit(&write));
  struct iocb sync = {.aio_data = 3, .aio_lio_opcode = IOCB_CMD_FSYNC, .aio_fildes = fd};
  SHOW(submit(&sync));
  show_events(1);

  int counter = eventfd(0, 0);
  struct iocb poll = {.aio_data = 4, .aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = counter, .aio_buf = 1};
  SHOW(submit(&poll));
  struct io_event event;
  struct timespec none = {0, 0};
  SHOW(syscall(SYS_io_getevents, ring, 0, 1, &event, &none));
  QUIET(eventfd_write(counter, 1));
  show_events(1);
  QUIET(eventfd_read(counter, &(eventfd_t){0}));
  SHOW(submit(&poll));
  SHOW(syscall(SYS_io_cancel, ring, &poll, &event));
  show_events(1);
  CHECK(syscall(SYS_io_cancel, ring, &poll, &event));

  struct iocb notified = read;
  notified.aio_flags = IOCB_FLAG_RESFD;
  notified.aio_resfd = counter;
  SHOW(submit(&notified));
  show_events(1);

  uint64_t mask = 1UL << (SIGUSR1 - 1);
  struct { const uint64_t *mask; size_t size; } signals = {&mask, 8};
  SHOW(syscall(SYS_io_pgetevents, ring, 0, 1, &event, &none, &signals));
  signals.size = 7;
  SHOW(syscall(SYS_io_pgetevents, ring, 0, 1, &event, &none, &signals));

  struct iocb wrong = {.aio_lio_opcode = 99, .aio_fildes = fd};
  SHOW(submit(&wrong));
  wrong.aio_lio_opcode = IOCB_CMD_PREAD;
  wrong.aio_fildes = 99;
  SHOW(submit(&wrong));
  SHOW(submit(bad_pointer()));
  SHOW(syscall(SYS_io_submit, ring, -1, NULL));
  SHOW(syscall(SYS_io_submit, ring, 0, NULL));
  SHOW(syscall(SYS_io_submit, 12345, 0, NULL));
  SHOW(syscall(SYS_io_getevents, ring, 2, 1, &event, &none));
  SHOW(syscall(SYS_io_getevents, 12345, 0, 1, &event, &none));
  SHOW(syscall(SYS_io_destroy, ring));
  SHOW(syscall(SYS_io_destroy, ring));
}
