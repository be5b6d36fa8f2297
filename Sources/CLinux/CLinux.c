#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

// Newer than the headers of the oldest supported distribution.
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#define UWRX_SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1UL

static long uwrx_result(long r) { return r < 0 ? -errno : r; }

// struct sysinfo has 112 bytes (14 words), of which the last may be padding that the C library declares differently.
long uwrx_system_information(void *words) { return uwrx_result(syscall(SYS_sysinfo, words)); }

long uwrx_notification_receive(int listener, struct seccomp_notif *n) {
  return uwrx_result(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, n));
}

long uwrx_notification_send(int listener, struct seccomp_notif_resp *r) {
  return uwrx_result(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, r));
}

long uwrx_notification_is_valid(int listener, uint64_t id) {
  return uwrx_result(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id));
}

long uwrx_notification_add_descriptor(int listener, struct seccomp_notif_addfd *a) {
  return uwrx_result(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, a));
}

long uwrx_notification_sync_wake_up(int listener) {
  return uwrx_result(ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, UWRX_SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP));
}

long uwrx_seccomp_action_available(uint32_t action) {
  return uwrx_result(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
}

long uwrx_read_memory_split(int pid, void *to, size_t first, size_t second, uint64_t from) {
  struct iovec local = {to, first + second};
  struct iovec remote[2] = {{(void *)from, first}, {(void *)(from + first), second}};
  return uwrx_result(process_vm_readv(pid, &local, 1, remote, second ? 2 : 1, 0));
}

long uwrx_write_memory(int pid, const void *from, size_t length, uint64_t to) {
  struct iovec local = {(void *)from, length}, remote = {(void *)to, length};
  return uwrx_result(process_vm_writev(pid, &local, 1, &remote, 1, 0));
}

long uwrx_pidfd_open(int pid) { return uwrx_result(syscall(SYS_pidfd_open, pid, 0)); }

int uwrx_is_same_file(int one, int other) {
  return syscall(SYS_kcmp, getpid(), getpid(), 0 /* KCMP_FILE */, one, other) == 0;
}

int uwrx_shares_memory(int pid, int other) { return syscall(SYS_kcmp, pid, other, 1 /* KCMP_VM */, 0, 0) == 0; }

long uwrx_pidfd_getfd(int pidfd, int fd) {
  return uwrx_result(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
}

long uwrx_pidfd_send_signal(int pidfd, int signal, const void *information, unsigned flags) {
  return uwrx_result(syscall(SYS_pidfd_send_signal, pidfd, signal, information, flags));
}

// struct pidfd_info of include/uapi/linux/pidfd.h in its first size, of which the exit status is the last field.
struct uwrx_pidfd_info {
  uint64_t mask, cgroupid;
  uint32_t ids[11];
  int32_t exit_code;
};
#define UWRX_PIDFD_GET_INFO _IOWR(0xff, 11, struct uwrx_pidfd_info)
#define UWRX_PIDFD_INFO_EXIT 8

long uwrx_pidfd_exit_status(int pidfd, int *status) {
  struct uwrx_pidfd_info info = {.mask = UWRX_PIDFD_INFO_EXIT};
  _Static_assert(sizeof info == 64, "PIDFD_INFO_SIZE_VER0");
  if (ioctl(pidfd, UWRX_PIDFD_GET_INFO, &info)) return -errno;
  if (!(info.mask & UWRX_PIDFD_INFO_EXIT)) return 0;
  *status = info.exit_code;
  return 1;
}

long uwrx_pidfd_probe(int pidfd) {
  long result = uwrx_result(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0));
  return result == -ESRCH ? result : 0;
}

int64_t uwrx_processor_time(int pid, enum uwrx_processor_clock clock) {
  struct timespec time;
  // MAKE_PROCESS_CPUCLOCK of include/linux/posix-timers_types.h.
  if (clock_gettime((clockid_t)(~(unsigned)pid << 3 | clock), &time)) return -errno;
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

long uwrx_open_processor_counter(int pid) {
  // An ordinary user may not measure the kernel (perf_event_paranoid 2); this counter has the time in it all the same.
  struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE,
                                       .size = sizeof attributes,
                                       .config = PERF_COUNT_SW_TASK_CLOCK,
                                       .inherit = 1,
                                       .exclude_kernel = 1,
                                       .exclude_hv = 1};
  return uwrx_result(syscall(SYS_perf_event_open, &attributes, pid, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

long uwrx_getsockname(int socket, void *address, size_t length) {
  socklen_t size = (socklen_t)length;
  if (getsockname(socket, address, &size)) return -errno;
  return size < length ? (long)size : (long)length;
}

int uwrx_terminal_is_exclusive(int fd) {
  int value = 0;
  return ioctl(fd, _IOR('T', 0x40, int) /* TIOCGEXCL */, &value) == 0 && value;
}

void uwrx_terminal_end_exclusive(int fd) { ioctl(fd, TIOCNXCL); }

void uwrx_unlock_description(int fd) {
  struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
  flock(fd, LOCK_UN);
  fcntl(fd, F_OFD_SETLK, &whole);
}

long uwrx_socket_option(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) ? -errno : value;
}

int uwrx_is_connected(int fd) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  return getpeername(fd, (struct sockaddr *)&address, &size) == 0;
}

long uwrx_stream_pair(int *pair) { return uwrx_result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)); }

long uwrx_interface_request(int fd, uint32_t request, uint64_t network, void *buffer, size_t length) {
  uint64_t cookie;
  socklen_t size = sizeof cookie;
  if (getsockopt(fd, SOL_SOCKET, 71 /* SO_NETNS_COOKIE */, &cookie, &size)) return -errno;
  if (cookie != network) return -ENODEV;
  if (request != SIOCGIFCONF) return uwrx_result(ioctl(fd, request, buffer));
  struct ifconf list = {.ifc_len = (int)length, .ifc_buf = buffer};
  return ioctl(fd, SIOCGIFCONF, &list) ? -errno : list.ifc_len;
}

long uwrx_read_proc(int proc, int tid, const char *name, void *buffer, size_t length) {
  char path[32];
  snprintf(path, sizeof path, "%d/%s", tid, name);
  int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  long n = uwrx_result(read(fd, buffer, length));
  close(fd);
  return n;
}

long uwrx_tgkill(int tgid, int tid, int signal) {
  return uwrx_result(syscall(SYS_tgkill, tgid, tid, signal));
}

long uwrx_exchange_limit(int pid, int resource, int sets, uint64_t *pair) {
  struct rlimit64 new = {pair[0], pair[1]}, old;
  if (syscall(SYS_prlimit64, pid, resource, sets ? &new : NULL, &old)) return -errno;
  pair[0] = old.rlim_cur;
  pair[1] = old.rlim_max;
  return 0;
}

long uwrx_install_filter(const uint64_t *instructions, size_t count) {
  struct sock_fprog program = {.len = (unsigned short)count, .filter = (struct sock_filter *)instructions};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -errno;
  return uwrx_result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

long uwrx_fork_dependent(void) {
  int parent = getpid(), child = fork();
  if (child < 0) return -errno;
  if (!child && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)) _exit(125);
  return child;
}

long uwrx_landlock_version(void) { return uwrx_result(syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* VERSION */)); }

void uwrx_keep_capabilities(uint64_t wanted) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data)) return;
  for (int half = 0; half < 2; half++) {
    data[half].permitted &= (uint32_t)(wanted >> (32 * half));
    data[half].effective &= data[half].permitted;
    data[half].inheritable = 0;
  }
  syscall(SYS_capset, &header, data);
}

int uwrx_wait_exited(int s) { return WIFEXITED(s); }

int uwrx_wait_exit_status(int s) { return WEXITSTATUS(s); }

int uwrx_wait_signal(int s) { return WTERMSIG(s); }

int uwrx_wait_stopped(int s) { return WIFSTOPPED(s); }

int uwrx_wait_stop_signal(int s) { return WSTOPSIG(s); }

long uwrx_openat(int dir, const char *path, int flags, unsigned mode) {
  return uwrx_result(openat(dir, path, flags, mode));
}

long uwrx_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  return uwrx_result(syscall(SYS_openat2, dir, path, &how, sizeof how));
}

long uwrx_fstatat(int dir, const char *path, struct stat *st, int flags) {
  return uwrx_result(fstatat(dir, path, st, flags));
}

long uwrx_getdents64(int fd, void *buffer, size_t length) {
  return uwrx_result(syscall(SYS_getdents64, fd, buffer, length));
}

long uwrx_fcntl(int fd, int command, long argument) {
  return uwrx_result(fcntl(fd, command, argument));
}

long uwrx_clone_contents(int to, int from) { return uwrx_result(ioctl(to, 0x40049409 /* FICLONE */, from)); }

long uwrx_punch_hole(int fd, int64_t offset, int64_t length) {
  return uwrx_result(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length));
}

long uwrx_eventfd(int waits) { return uwrx_result(eventfd(0, waits ? EFD_CLOEXEC : EFD_CLOEXEC | EFD_NONBLOCK)); }

uint64_t uwrx_makedev(uint32_t major, uint32_t minor) { return makedev(major, minor); }

uint32_t uwrx_major(uint64_t device) { return major(device); }

uint32_t uwrx_minor(uint64_t device) { return minor(device); }

int uwrx_errno(void) { return errno; }

char *_Nullable *_Nonnull uwrx_environ(void) { return environ; }

// glibc gives them to what it calls before main.
static int argument_count;
static char **argument_values;
__attribute__((constructor)) static void keep_arguments(int count, char **values) {
  argument_count = count;
  argument_values = values;
}

int uwrx_argc(void) { return argument_count; }
const char *_Nonnull uwrx_argv(int index) { return argument_values[index]; }

long uwrx_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
  return uwrx_result(renameat2(from_dir, from, to_dir, to, flags));
}

long uwrx_copy_file_range(int from, int to, size_t length) {
  return uwrx_result(copy_file_range(from, NULL, to, NULL, length, 0));
}

long uwrx_memfd_create(const char *name) {
  return uwrx_result(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
}

long uwrx_seal(int fd) {
  return uwrx_result(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
}

long uwrx_receive_message(int socket, void *buffer, size_t length, int *descriptors, int capacity, int *count, int *sender) {
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(8 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
  } control;
  struct iovec iov = {buffer, length};
  struct msghdr message = {
      .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  long n;
  do
    n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  *count = 0;
  *sender = 0;
  if (n < 0) return -errno;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_CREDENTIALS) {
      struct ucred credentials;
      memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
      *sender = credentials.pid;
    }
    if (header->cmsg_type != SCM_RIGHTS) continue;
    int received = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (int i = 0; i < received; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      if (i < capacity)
        descriptors[(*count)++] = fd;
      else
        close(fd);
    }
  }
  return n;
}

const void *uwrx_memmem(const void *text, size_t length, const void *part, size_t partLength) {
  return memmem(text, length, part, partLength);
}
