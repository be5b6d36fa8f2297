// FIFOs by path: opening waits for the other side, and the file stays empty.
// calls: fcntl mknodat openat poll read write
#include "observe.h"
#include <poll.h>

static void run(const char *path) {
  say("-- %s", path);
  char text[32];
  int reader = SHOW(open(path, O_RDONLY | O_NONBLOCK));
  SHOW(read(reader, text, 1));
  int writer = SHOW(open(path, O_WRONLY | O_NONBLOCK));
  SHOW(read(reader, text, 1));
  SHOW(write(writer, "text", 4));
  struct pollfd poller = {reader, POLLIN, 0};
  SHOW(poll(&poller, 1, 1000));
  say("events %#x", poller.revents);
  SHOW(read(reader, text, sizeof text));
  show_fstat("reader", reader);
  show_stat(path);
  SHOW(lseek(reader, 0, SEEK_CUR));
  close(writer);
  SHOW(read(reader, text, 1));
  poll(&poller, 1, 0);
  say("events %#x", poller.revents);
  close(reader);
  SHOW(open(path, O_WRONLY | O_NONBLOCK));
  int both = SHOW(open(path, O_RDWR));
  SHOW(write(both, "both", 4));
  SHOW(read(both, text, sizeof text));
  close(both);

  // Blocking: each side waits for the other.
  pid_t pid = fork();
  if (pid == 0) {
    pause_ms(30);
    int fd = open(path, O_WRONLY);
    QUIET(write(fd, "from the child", 14));
    _exit(0);
  }
  reader = SHOW(open(path, O_RDONLY));
  ssize_t n, total = 0;
  while ((n = read(reader, text + total, sizeof text - total)) > 0) total += n;
  say("read %s", quote(text, total));
  close(reader);
  wait_for("writer", pid);

  pid = fork();
  if (pid == 0) {
    pause_ms(30);
    int fd = open(path, O_RDONLY);
    _exit(read(fd, text, sizeof text));
  }
  writer = SHOW(open(path, O_WRONLY));
  SHOW(write(writer, "from the parent", 15));
  wait_for("reader", pid);
  signal(SIGPIPE, SIG_IGN);
  SHOW(write(writer, "x", 1));
  close(writer);
}

static void interrupted(int number) { (void)number; }

int main(void) {
  SHOW(mkfifo("fifo", 0644));
  run("fifo");
  run("data/fifo");
  QUIET(symlink("data/fifo", "link"));
  run("link");

  say("-- other processes are not held up while one waits");
  pid_t waiting = fork();
  if (waiting == 0) {
    int fd = open("fifo", O_RDONLY);
    _exit(fd < 0 ? 1 : 0);
  }
  pause_ms(20);
  SHOW(access("data/hello.txt", F_OK));
  put_file("meanwhile", "text");
  show_file("meanwhile");
  close(QUIET(open("fifo", O_WRONLY)));
  wait_for("waiting", waiting);

  say("-- a signal ends the wait");
  struct sigaction action = {.sa_handler = interrupted};
  sigaction(SIGALRM, &action, NULL);
  struct timespec soon = {0, 50000000};
  timer_t timer;
  QUIET(timer_create(CLOCK_MONOTONIC, NULL, &timer));
  QUIET(timer_settime(timer, 0, &(struct itimerspec){.it_value = soon}, NULL));
  SHOW(open("fifo", O_RDONLY));
  waiting = fork();
  if (waiting == 0) {
    open("fifo", O_RDONLY);
    _exit(0);
  }
  pause_ms(20);
  kill(waiting, SIGTERM);
  wait_for("killed while it waits", waiting);

  say("-- renamed and removed while open");
  int both = SHOW(open("fifo", O_RDWR));
  SHOW(rename("fifo", "data/dir/fifo"));
  int writer = SHOW(open("data/dir/fifo", O_WRONLY | O_NONBLOCK));
  SHOW(write(writer, "renamed", 7));
  char text[16];
  SHOW(read(both, text, sizeof text));
  SHOW(unlink("data/dir/fifo"));
  SHOW(write(writer, "gone", 4));
  SHOW(read(both, text, sizeof text));
  show_fstat("gone", both);
  SHOW(mkfifo("data/dir/fifo", 0600));
  SHOW(open("data/dir/fifo", O_WRONLY | O_NONBLOCK));

  say("-- permissions");
  SHOW(mkfifo("noperm", 0000));
  SHOW(open("noperm", O_RDONLY | O_NONBLOCK));
  SHOW(open("noperm", O_RDWR | O_NONBLOCK));
  SHOW(open("data/fifo", O_RDONLY | O_DIRECTORY));
  SHOW(open("data/fifo/", O_RDONLY | O_NONBLOCK));

  say("-- with the shell");
  IN_CHILD execl("/bin/sh", "sh", "-c", "mkfifo p; (cat data/dir/c > p &) ; cat < p; rm p; ls", NULL);
}
