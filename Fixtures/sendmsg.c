// socketpair, sendmsg, recvmsg: descriptors and credentials that travel.
// calls: recvmmsg recvmsg sendmmsg sendmsg setsockopt socketpair
#include "observe.h"
#include <sys/un.h>

static ssize_t pass(int socket, const int *fds, int count) {
  char byte = 'x', control[CMSG_SPACE(sizeof(int) * 8)];
  memset(control, 0, sizeof control);
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * count);
  memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
  return sendmsg(socket, &message, 0);
}

static int take(int socket, int *fds, int flags) {
  char byte, control[CMSG_SPACE(sizeof(int) * 8)];
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (recvmsg(socket, &message, flags) < 0) return -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (!header || header->cmsg_type != SCM_RIGHTS) return 0;
  int count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  memcpy(fds, CMSG_DATA(header), sizeof(int) * count);
  return count;
}

int main(void) {
  int pair[2], got[8];
  char text[64];
  SHOW(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  show_fstat("socket", pair[0]);

  say("-- SCM_RIGHTS");
  int lower = SHOW(open("data/hello.txt", O_RDONLY)), directory = SHOW(open("data", O_RDONLY | O_DIRECTORY));
  int path = SHOW(open("data/dir", O_PATH)), made = SHOW(open("made", O_RDWR | O_CREAT, 0644));
  SHOW(pass(pair[0], (int[]){lower, directory, path, made}, 4));
  SHOW(take(pair[1], got, MSG_CMSG_CLOEXEC));
  say("descriptors %d %d %d %d, close on exec %d", got[0], got[1], got[2], got[3], fcntl(got[0], F_GETFD));
  SHOW(read(got[0], text, 5));
  SHOW(read(lower, text, 5));
  say("shared position: %s", quote(text, 5));
  SHOW(faccessat(got[1], "hello.txt", F_OK, 0));
  SHOW(faccessat(got[2], "a", F_OK, 0));
  SHOW(fchmod(got[3], 0600));
  show_stat("made");
  show_fstat("file received", got[0]);
  closefrom(got[0]);
  SHOW(pass(pair[0], (int[]){99}, 1));
  QUIET(close(made));

  say("-- to a child that opened nothing");
  pid_t pid = fork();
  if (pid == 0) {
    close(lower);
    close(directory);
    close(path);
    int count = take(pair[1], got, 0);
    QUIET(chdir("/"));
    say("count %d", count);
    SHOW(faccessat(got[0], "hello.txt", F_OK, 0));
    int again = openat(got[0], "dir/c", O_RDWR);
    QUIET(pwrite(again, "C", 1, 0));
    SHOW(fchdir(got[0]));
    show_file("dir/c");
    _exit(0);
  }
  QUIET(pass(pair[0], &directory, 1));
  wait_for("child", pid);

  say("-- from a child, which ends");
  IN_CHILD {
    put_file("by-child", "by child");
    int fd = open("by-child", O_RDWR);
    unlink("by-child");
    QUIET(pass(pair[0], &fd, 1));
  }
  SHOW(take(pair[1], got, 0));
  SHOW(pread(got[0], text, sizeof text, 0));
  show_fstat("unlinked", got[0]);
  char name[64];
  snprintf(name, sizeof name, "/proc/self/fd/%d", got[0]);
  SHOW(access(name, R_OK));
  SHOW(fchmod(got[0], 0640));

  say("-- credentials");
  SHOW(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)));
  SHOW(write(pair[0], "c", 1));
  char byte, control[256];
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  SHOW(recvmsg(pair[1], &message, 0));
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_type == SCM_CREDENTIALS) {
    struct ucred who;
    memcpy(&who, CMSG_DATA(header), sizeof who);
    say("ourselves %d %d %d", who.pid == getpid(), who.uid == getuid(), who.gid == getgid());
  }
  SHOW(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &(int){0}, sizeof(int)));

  say("-- messages");
  int packets[2];
  SHOW(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets));
  struct iovec parts[3] = {{"one", 3}, {"two", 3}, {"three", 5}};
  message = (struct msghdr){.msg_iov = parts, .msg_iovlen = 3};
  SHOW(sendmsg(packets[0], &message, 0));
  SHOW(send(packets[0], "second", 6, MSG_EOR));
  part = (struct iovec){text, 8};
  message = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
  SHOW(recvmsg(packets[1], &message, 0));
  say("%s truncated %d", quote(text, 8), (message.msg_flags & MSG_TRUNC) != 0);
  SHOW(recv(packets[1], text, sizeof text, MSG_PEEK));
  SHOW(recv(packets[1], text, sizeof text, 0));
  SHOW(recv(packets[1], text, sizeof text, MSG_DONTWAIT));
  struct mmsghdr many[2] = {{.msg_hdr = {.msg_iov = parts, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = parts + 1, .msg_iovlen = 2}}};
  SHOW(sendmmsg(packets[0], many, 2, 0));
  say("sent %u %u", many[0].msg_len, many[1].msg_len);
  char first[8], second[16];
  struct iovec in[2] = {{first, 8}, {second, 16}};
  struct mmsghdr received[2] = {{.msg_hdr = {.msg_iov = in, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = in + 1, .msg_iovlen = 1}}};
  SHOW(recvmmsg(packets[1], received, 2, MSG_DONTWAIT, NULL));
  say("%s %s", quote(first, received[0].msg_len), quote(second, received[1].msg_len));

  say("-- refusals");
  SHOW(sendmsg(99, &message, 0));
  SHOW(sendmsg(STDIN_FILENO, &message, 0));
  SHOW(sendmsg(pair[0], bad_pointer(), 0));
  SHOW(recvmsg(pair[0], bad_pointer(), 0));
  SHOW(socketpair(AF_INET, SOCK_STREAM, 0, got));
  SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, bad_pointer()));
  SHOW(send(pair[0], "x", 1, MSG_OOB) < 0 ? -1 : 0);
  close(packets[1]);
  SHOW(send(packets[0], "x", 1, MSG_NOSIGNAL));
}
