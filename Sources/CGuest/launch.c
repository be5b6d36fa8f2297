#include "guest.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

union descriptors {
  struct cmsghdr align;
  char bytes[CMSG_SPACE(8 * sizeof(int))];
};

static void attach(struct msghdr *message, union descriptors *control, const int *descriptors, int count) {
  if (count <= 0) return;
  memset(control, 0, sizeof *control);
  message->msg_control = control->bytes;
  message->msg_controllen = CMSG_SPACE(count * sizeof(int));
  struct cmsghdr *c = CMSG_FIRSTHDR(message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(count * sizeof(int));
  memcpy(CMSG_DATA(c), descriptors, count * sizeof(int));
}

int uwrx_send_descriptors(int socket, const struct uwrx_message *header, const char *path, const int *descriptors, int count,
                          int flags) {
  struct iovec iov[2] = {{(void *)header, sizeof *header}, {(void *)path, strlen(path) + 1}};
  union descriptors control;
  struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
  attach(&message, &control, descriptors, count);
  // The command tells of its listener under its own filter, which waits for the listener's owner at every sendmsg(2) that is to be
  // recorded; sendmmsg(2) never is.
  struct mmsghdr messages = {.msg_hdr = message};
  return sendmmsg(socket, &messages, 1, MSG_NOSIGNAL | flags) < 0 ? -errno : 0;
}

int uwrx_guest_send(int socket, const struct uwrx_message *header, const char *path, const char *second, int descriptor) {
  if (!path) path = "";
  if (!second) second = "";
  struct iovec iov[3] = {
      {(void *)header, sizeof *header}, {(void *)path, strlen(path) + 1}, {(void *)second, strlen(second) + 1}};
  union descriptors control;
  struct msghdr message = {.msg_iov = iov, .msg_iovlen = 3};
  attach(&message, &control, &descriptor, descriptor >= 0);
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

void uwrx_fail(int events, const char *step) {
  struct uwrx_message header = {.operation = UWRX_FAILED, .value = errno};
  uwrx_send_descriptors(events, &header, step, NULL, 0, 0);
  _exit(125);
}

static int write_file(int pid, const char *name, const char *text) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int result = write(fd, text, strlen(text)) < 0 ? -errno : 0;
  close(fd);
  return result;
}

// user_namespaces(7): setgroups must be denied before an unprivileged process may map a group.
static int map_identity(const struct uwrx_launch *launch, int pid) {
  char map[64];
  int error = write_file(pid, "setgroups", "deny");
  if (error) return error;
  snprintf(map, sizeof map, "%u %u 1", launch->inside_uid, geteuid());
  if ((error = write_file(pid, "uid_map", map))) return error;
  snprintf(map, sizeof map, "%u %u 1", launch->inside_gid, getegid());
  return write_file(pid, "gid_map", map);
}

// What guest init held open of the supervisor's would not end for whoever is at its other side: a relayed connection, a caller's pipe.
static void close_all_but(int kept[4]) {
  int first = 3;
  while (1) {
    int next = -1;
    for (int i = 0; i < 4; i++)
      if (kept[i] >= first && (next < 0 || kept[i] < next)) next = kept[i];
    if (next != first) syscall(SYS_close_range, first, next < 0 ? ~0U : (unsigned)next - 1, 0);
    if (next < 0) return;
    first = next + 1;
  }
}

int uwrx_guest_launch(struct uwrx_launch *launch) {
  int control[2], events[2], go[2];
  launch->failed_step = "create the sockets to guest init";
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control)) return -errno;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, events)) return -errno;
  if (pipe2(go, O_CLOEXEC)) return -errno;
  // The command tells its own process number by the message with which it gives its listener.
  int on = 1;
  if (setsockopt(events[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on)) return -errno;

  // The others guest init makes itself, which takes a millisecond of its own and none of the supervisor's.
  unsigned long flags = CLONE_NEWPID | SIGCHLD;
  if (launch->user_namespace) flags |= CLONE_NEWUSER;
  launch->failed_step = "create the namespaces";
#if defined(__s390x__) || defined(__CRIS__)
#error "clone takes its arguments in another order here"
#endif
  long pid = syscall(SYS_clone, flags, 0, 0, 0, 0);
  if (pid < 0) return -errno;
  if (pid == 0) {
    close_all_but((int[]){control[1], events[1], go[0], launch->network});
    uwrx_init_main(launch, control[1], events[1], go[0]);
  }
  close(control[1]);
  close(events[1]);
  close(go[0]);
  int error = 0;
  if (launch->user_namespace) {
    launch->failed_step = "map the user into the user namespace";
    error = map_identity(launch, (int)pid);
  }
  if (error) {
    // Guest init ends by itself when the pipe closes without a byte.
    close(go[1]);
    waitpid((pid_t)pid, NULL, 0);
    close(control[0]);
    close(events[0]);
    return error;
  }
  // Where memory runs out, the guest is what the kernel ends first. Older or stricter systems may refuse; they lose nothing by it.
  write_file((int)pid, "oom_score_adj", "1000");
  launch->init_pid = (int)pid;
  launch->control = control[0];
  launch->events = events[0];
  launch->go = go[1];
  launch->failed_step = NULL;
  return 0;
}

int uwrx_guest_start(struct uwrx_launch *launch) {
  int error = write(launch->go, "", 1) == 1 ? 0 : -errno;
  close(launch->go);
  return error;
}
