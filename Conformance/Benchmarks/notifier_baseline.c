/* notifier_baseline [--no-cache] <command>...: the least that a supervisor with the seccomp user notifier can do.
 *
 * It is the yardstick for "a trapped call costs at most 1.3 times what a bare notifier loop takes for the same": one
 * process, one loop, RECV, answer, SEND. It traps the calls that take a path to ask about or to open (stat, newfstatat,
 * statx, access, faccessat, faccessat2, open, openat) and getppid. stat is answered by reading the path from the guest with
 * process_vm_readv and writing a struct stat back; open by opening the file here and handing it over with ADDFD and
 * SEND in one. It contains nothing and knows one root, the host's: no product, a measure.
 *
 * The answer to the last path is kept, as a virtual file system with its own entries would not ask the host again
 * either; --no-cache asks the host each time. What it does not handle it lets through (CONTINUE), which no real
 * supervisor may do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Newer than some distributions' headers. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, uint64_t)
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif
#define SYNC_WAKE_UP 1UL

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no such architecture here"
#endif

static const int trapped[] = {
#ifdef SYS_stat
    SYS_stat, SYS_access, SYS_open,
#endif
    SYS_newfstatat, SYS_statx, SYS_faccessat, SYS_faccessat2, SYS_openat, SYS_getppid,
};

static int use_cache = 1;

static void fail(const char *what) {
  perror(what);
  exit(125);
}

static int install_filter(void) {
  enum { count = sizeof trapped / sizeof *trapped };
  struct sock_filter code[count + 6];
  int n = 0;
  code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
  code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, count + 1);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (int i = 0; i < count; i++)
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, trapped[i], count - i, 0);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  struct sock_fprog program = {.len = n, .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail("no_new_privs");
  unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  int listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
  if (listener < 0) listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  return listener;
}

static void send_descriptor(int socket, int descriptor) {
  char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  if (sendmsg(socket, &message, 0) != 1) fail("sendmsg");
}

static int receive_descriptor(int socket) {
  char byte, control[CMSG_SPACE(sizeof(int))];
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  int descriptor;
  if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message)) fail("recvmsg");
  memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
  return descriptor;
}

/* Reads a string from the guest; not beyond its page at first, as the next one may not exist. */
static ssize_t read_path(pid_t pid, uint64_t address, char *path, size_t size) {
  size_t got = 0;
  while (got < size) {
    size_t wanted = 4096 - (address + got) % 4096;
    if (wanted > size - got) wanted = size - got;
    struct iovec local = {path + got, wanted}, remote = {(void *)(uintptr_t)(address + got), wanted};
    ssize_t count = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    if (count <= 0) return -EFAULT;
    char *end = memchr(path + got, 0, count);
    if (end) return end - path;
    got += count;
  }
  return -ENAMETOOLONG;
}

static int write_back(pid_t pid, uint64_t address, const void *data, size_t size) {
  struct iovec local = {(void *)(uintptr_t)data, size}, remote = {(void *)(uintptr_t)address, size};
  return process_vm_writev(pid, &local, 1, &remote, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

/* The one entry of the cache. The commands that are measured change nothing, so it never goes stale. */
static int look_up(const char *path, int flags, struct stat *info) {
  static char last[4096];
  static int last_flags = -1, last_error;
  static struct stat last_info;
  if (!use_cache || flags != last_flags || strcmp(path, last)) {
    last_error = fstatat(AT_FDCWD, path, &last_info, flags) ? errno : 0;
    last_flags = flags;
    strcpy(last, path);
  }
  *info = last_info;
  return -last_error;
}

static void answer(int listener, const struct seccomp_notif *asked, struct seccomp_notif_resp *reply) {
  const uint64_t *arguments = (const uint64_t *)asked->data.args;
  char path[4096];
  struct stat info;
  uint64_t name, result = 0;
  int directory = AT_FDCWD, flags = 0, opens = 0;
  switch (asked->data.nr) {
  case SYS_getppid: reply->val = 1; return;
#ifdef SYS_stat
  case SYS_stat: name = arguments[0]; result = arguments[1]; break;
  case SYS_access: name = arguments[0]; break;
  case SYS_open: name = arguments[0]; opens = 1; flags = arguments[1]; break;
#endif
  case SYS_newfstatat: directory = arguments[0]; name = arguments[1]; result = arguments[2]; flags = arguments[3]; break;
  case SYS_openat: directory = arguments[0]; name = arguments[1]; opens = 1; flags = arguments[2]; break;
  default: reply->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE; return;
  }
  ssize_t length = read_path(asked->pid, name, path, sizeof path);
  if (length < 0) { reply->error = length; return; }
  /* A real supervisor has to ask whether what it read was still the caller's: so does this one. */
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &asked->id)) return;
  /* Relative to a descriptor, an empty path (fstat), or a file to be made: not what is measured. */
  if ((directory != AT_FDCWD && path[0] != '/') || !length || (opens && flags & (O_CREAT | O_ACCMODE))) {
    reply->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    return;
  }
  if (!opens) {
    reply->error = look_up(path, flags, &info);
    if (!reply->error && result) reply->error = write_back(asked->pid, result, &info, sizeof info);
    return;
  }
  int opened = open(path, flags | O_CLOEXEC);
  if (opened < 0) { reply->error = -errno; return; }
  struct seccomp_notif_addfd give = {
      .id = asked->id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = opened, .newfd_flags = flags & O_CLOEXEC};
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &give) >= 0 || errno == ENOENT) reply->id = 0; /* answered already */
  else reply->error = -errno;
  close(opened);
}

/* Ends the program with the command's status, whatever its children still do.
 *
 * A thread, because before Linux 6.11 RECV does not return when the last guest is gone, and because a signal that
 * interrupted RECV would sooner or later interrupt ADDFD with SEND as well: the kernel then withdraws the descriptor but
 * keeps the answer, and the guest's open returns 0. */
static void *wait_for(void *child) {
  int status = 0;
  if (waitpid((pid_t)(intptr_t)child, &status, 0) < 0) fail("waitpid");
  exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int main(int count, char **arguments) {
  int first = 1, sockets[2];
  pthread_t waiter;
  if (count > 1 && !strcmp(arguments[1], "--no-cache")) { use_cache = 0; first = 2; }
  if (first >= count) { fprintf(stderr, "usage: notifier_baseline [--no-cache] <command>...\n"); return 2; }
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets)) fail("socketpair");
  pid_t child = fork();
  if (child == 0) {
    int listener = install_filter();
    if (listener < 0) fail("seccomp");
    send_descriptor(sockets[1], listener);
    close(listener);
    execvp(arguments[first], arguments + first);
    fail(arguments[first]);
  }
  int listener = receive_descriptor(sockets[0]);
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP)) fprintf(stderr, "no SYNC_WAKE_UP in this kernel\n");
  if (pthread_create(&waiter, NULL, wait_for, (void *)(intptr_t)child)) fail("pthread_create");
  struct seccomp_notif asked;
  struct seccomp_notif_resp reply;
  for (;;) {
    memset(&asked, 0, sizeof asked);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked)) {
      if (errno == EINTR) continue;
      if (errno != ENOENT) fail("RECV");
      usleep(1000); /* the caller was killed, or nobody is left */
      continue;
    }
    reply = (struct seccomp_notif_resp){.id = asked.id};
    answer(listener, &asked, &reply);
    if (reply.id && ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply) && errno != ENOENT) fail("SEND");
  }
}
