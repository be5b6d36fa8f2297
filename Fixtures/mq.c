// POSIX message queues, and shm_open, which is a file in /dev/shm.
// calls: mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink
#include "observe.h"
#include <mqueue.h>
#include <poll.h>

int main(void) {
  char name[32], other[64], text[64];
  // With the pid, because two native runs may happen at once.
  snprintf(name, sizeof name, "/fixture-%d", (int)getpid());
  snprintf(other, sizeof other, "/fixture-%d-missing", (int)getpid());
  struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 32};
  mqd_t queue = SHOW(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes));
  SHOW(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes));
  SHOW(mq_open(other, O_RDWR));
  SHOW(mq_open("no-slash", O_RDWR | O_CREAT, 0600, &attributes) < 0 ? -1 : 0);
  SHOW(mq_send(queue, "low", 4, 1));
  SHOW(mq_send(queue, "high", 5, 9));
  SHOW(mq_timedsend(queue, "x", 1, 1, &(struct timespec){0, 0}));
  SHOW(mq_getattr(queue, &attributes));
  say("messages %ld of %ld", attributes.mq_curmsgs, attributes.mq_maxmsg);
  unsigned priority;
  SHOW(mq_receive(queue, text, 32, &priority));
  say("%s priority %u", text, priority);
  SHOW(mq_receive(queue, text, 8, &priority));
  SHOW(mq_send(queue, text, 33, 1));
  SHOW(mq_receive(queue, text, 32, &priority));
  SHOW(mq_timedreceive(queue, text, 32, NULL, &(struct timespec){0, 0}));
  struct pollfd poller = {queue, POLLIN | POLLOUT, 0};
  SHOW(poll(&poller, 1, 0));
  say("events %#x", poller.revents);
  pid_t pid = fork();
  if (pid == 0) {
    mqd_t own = mq_open(name, O_WRONLY);
    pause_ms(20);
    QUIET(mq_send(own, "from the child", 15, 3));
    _exit(0);
  }
  SHOW(mq_receive(queue, text, 32, &priority));
  say("%s", text);
  wait_for("child", pid);
  signal(SIGUSR1, SIG_IGN);
  SHOW(mq_notify(queue, &(struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1}));
  SHOW(mq_notify(queue, &(struct sigevent){.sigev_notify = SIGEV_NONE}));
  SHOW(mq_notify(queue, NULL));
  SHOW(mq_unlink(name));
  SHOW(mq_unlink(name));
  SHOW(mq_send(queue, "still", 6, 1));
  SHOW(mq_close(queue));

  say("-- shared memory objects");
  int fd = SHOW(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0640));
  SHOW(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0640));
  SHOW(ftruncate(fd, 4096));
  show_fstat("object", fd);
  char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  strcpy(page, "parent");
  IN_CHILD {
    int own = SHOW(shm_open(name, O_RDWR, 0));
    char *mine = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);
    strcat(mine, " and child");
  }
  say("%s", page);
  snprintf(text, sizeof text, "/dev/shm%s", name);
  SHOW(access(text, R_OK | W_OK));
  SHOW(shm_unlink(name));
  SHOW(shm_unlink(name));
  SHOW(access(text, F_OK));
  SHOW(shm_open(name, O_RDWR, 0));
}
