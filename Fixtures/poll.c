// poll, ppoll, select, pselect over pipes, files and sockets.
// calls: poll ppoll pselect6
#include "observe.h"
#include <poll.h>
#include <sys/select.h>

static void alarmed(int number) { (void)number; }

int main(void) {
  int fds[2], pair[2];
  char byte;
  QUIET(pipe(fds));
  QUIET(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  int file = SHOW(open("data/hello.txt", O_RDONLY)), directory = SHOW(open("data", O_RDONLY)), null = SHOW(open("/dev/null", O_RDWR));
  int path = SHOW(open("data/hello.txt", O_PATH));
  struct pollfd set[] = {{fds[0], POLLIN, 0}, {fds[1], POLLOUT, 0}, {pair[0], POLLIN | POLLOUT, 0}, {file, POLLIN | POLLOUT, 0},
                         {directory, POLLIN, 0}, {null, POLLIN | POLLOUT, 0}, {path, POLLIN, 0}, {99, POLLIN, 0}, {-1, POLLIN, 0}};
  SHOW(poll(set, 9, 0));
  for (int i = 0; i < 9; i++) say("  %d: %#x", i, set[i].revents);
  QUIET(write(fds[1], "x", 1));
  QUIET(write(pair[1], "x", 1));
  SHOW(poll(set, 9, -1));
  for (int i = 0; i < 9; i++) say("  %d: %#x", i, set[i].revents);
  close(fds[1]);
  close(pair[1]);
  SHOW(poll(set, 3, 0));
  for (int i = 0; i < 3; i++) say("  %d: %#x", i, set[i].revents);
  QUIET(read(fds[0], &byte, 1));
  SHOW(poll(set, 1, 0));
  say("  0: %#x", set[0].revents);

  say("-- waiting");
  QUIET(pipe(fds));
  struct pollfd one = {fds[0], POLLIN, 0};
  SHOW(poll(&one, 1, 20));
  SHOW(poll(NULL, 0, 10));
  pid_t pid = fork();
  if (pid == 0) {
    pause_ms(30);
    QUIET(write(fds[1], "x", 1));
    _exit(0);
  }
  SHOW(poll(&one, 1, 5000));
  wait_for("child", pid);
  QUIET(read(fds[0], &byte, 1));

  say("-- signals");
  struct sigaction action = {.sa_handler = alarmed, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  sigset_t block, empty;
  sigemptyset(&empty);
  sigemptyset(&block);
  sigaddset(&block, SIGALRM);
  sigprocmask(SIG_BLOCK, &block, NULL);
  raise(SIGALRM);
  struct timespec wait = {5, 0};
  SHOW(poll(&one, 1, 0));
  SHOW(ppoll(&one, 1, &wait, &empty));
  SHOW(ppoll(&one, 1, &(struct timespec){0, 1000}, NULL));
  SHOW(ppoll(&one, 1, &(struct timespec){0, -1}, NULL));
  raise(SIGALRM);
  fd_set reads;
  FD_ZERO(&reads);
  FD_SET(fds[0], &reads);
  SHOW(pselect(fds[0] + 1, &reads, NULL, NULL, &wait, &empty));

  say("-- select");
  fd_set writes;
  struct timeval brief = {0, 10000};
  FD_ZERO(&reads);
  FD_ZERO(&writes);
  FD_SET(fds[0], &reads);
  FD_SET(file, &reads);
  FD_SET(fds[1], &writes);
  SHOW(select(20, &reads, &writes, NULL, NULL));
  say("pipe %d file %d write %d", FD_ISSET(fds[0], &reads) != 0, FD_ISSET(file, &reads) != 0, FD_ISSET(fds[1], &writes) != 0);
  FD_ZERO(&reads);
  FD_SET(fds[0], &reads);
  SHOW(select(20, &reads, NULL, NULL, &brief));
  say("left %ld %ld", (long)brief.tv_sec, (long)brief.tv_usec);
  // select(2) looks no further than the process's table of descriptors is long (fs/select.c, core_sys_select), which was as long as
  // its parent's needed to be: here it is longer.
  close(dup2(file, 200));
  FD_SET(200, &reads);
  SHOW(select(201, &reads, NULL, NULL, &brief));
  SHOW(select(-1, &reads, NULL, NULL, &brief));
  SHOW(select(0, NULL, NULL, NULL, &(struct timeval){0, 1000}));
  SHOW(select(0, NULL, NULL, NULL, &(struct timeval){-1, 0}));

  say("-- refusals");
  SHOW(poll(bad_pointer(), 1, 0));
  SHOW(syscall(SYS_poll, set, 1 << 30, 0));
  struct rlimit limit = {4, 4};
  IN_CHILD {
    QUIET(setrlimit(RLIMIT_NOFILE, &limit));
    SHOW(poll(set, 9, 0));
  }
}
