// Calls that reach the kernel around every path: io_uring, bpf, perf, keys, handles, modules, mounts old and new, namespaces, ports.
#include "attack.h"
#include <linux/mount.h>
#include <sys/file.h>

#define REFUSED(call) ({ long result_ = (long)(call); if (result_ >= 0) escaped("%s = %ld", #call, result_); })

int main(void) {
  char zero[4096] = {0};
  struct {
    struct file_handle {
      unsigned bytes;
      int type;
      unsigned char data[128];
    } handle;
  } h = {.handle = {.bytes = 128}};
  int mount_id;
  int root = open("/", O_RDONLY | O_DIRECTORY), file = open("/bin/true", O_RDONLY), self = (int)syscall(SYS_pidfd_open, getpid(), 0);
  REFUSED(syscall(SYS_io_uring_setup, 8, zero));
  REFUSED(syscall(SYS_io_uring_enter, 0, 1, 1, 0, 0, 0));
  REFUSED(syscall(SYS_io_uring_register, -1, 0, zero, 1));
  for (int command = 0; command < 40; command++) REFUSED(syscall(SYS_bpf, command, zero, sizeof zero));
  // PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, of oneself: what perf_event_paranoid leaves to everybody.
  uint32_t attributes[32] = {1, 128};
  REFUSED(syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0));
  REFUSED(syscall(SYS_add_key, "user", "canary", "x", 1, -3));
  REFUSED(syscall(SYS_request_key, "user", "canary", NULL, -3));
  for (int operation = 0; operation < 33; operation++)
    for (int keyring = -6; keyring < 0; keyring++) REFUSED(syscall(SYS_keyctl, operation, keyring, zero, sizeof zero, 0));
  REFUSED(syscall(SYS_userfaultfd, O_CLOEXEC));
  REFUSED(syscall(SYS_userfaultfd, 1));
  REFUSED(open("/dev/userfaultfd", O_RDWR));
  REFUSED(syscall(SYS_name_to_handle_at, AT_FDCWD, "data/hello.txt", &h, &mount_id, 0));
  REFUSED(syscall(SYS_name_to_handle_at, file, "", &h, &mount_id, AT_EMPTY_PATH));
  for (int type = 0; type < 256; type++) {
    // ext4: the root directory is inode 2.
    memcpy(h.handle.data, (uint32_t[]){2, 0}, 8);
    h.handle.bytes = 8;
    h.handle.type = type;
    REFUSED(syscall(SYS_open_by_handle_at, root, &h, O_RDONLY));
  }
  REFUSED(syscall(SYS_kexec_load, 0, 0, NULL, 0));
  REFUSED(syscall(SYS_kexec_file_load, file, file, 0, "", 0));
  REFUSED(syscall(SYS_init_module, zero, sizeof zero, ""));
  REFUSED(syscall(SYS_finit_module, file, "", 0));
  REFUSED(syscall(SYS_delete_module, "loop", O_NONBLOCK));
  REFUSED(syscall(SYS_mount, "none", "data/emptydir", "tmpfs", 0, NULL));
  REFUSED(syscall(SYS_mount, "/", "data/emptydir", NULL, 4096 | 16384, NULL));
  REFUSED(syscall(SYS_mount, "none", "data/emptydir", "proc", 0, NULL));
  REFUSED(syscall(SYS_mount, NULL, "/", NULL, 32 | 4096, NULL));
  REFUSED(syscall(SYS_umount2, "/", 2 /* MNT_DETACH */));
  REFUSED(syscall(SYS_umount2, "/dev/pts", 2 /* MNT_DETACH */));
  REFUSED(syscall(SYS_pivot_root, ".", "."));
  REFUSED(syscall(SYS_fsopen, "tmpfs", 0));
  REFUSED(syscall(SYS_fspick, AT_FDCWD, "/", 0));
  REFUSED(syscall(SYS_fsmount, root, 0, 0));
  REFUSED(syscall(SYS_fsconfig, root, 0, "source", "/", 0));
  REFUSED(syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE));
  REFUSED(syscall(SYS_open_tree, AT_FDCWD, "/", 0));
  REFUSED(syscall(SYS_open_tree, root, "", AT_EMPTY_PATH));
  REFUSED(syscall(467, root, "", AT_EMPTY_PATH, zero, 32)); // open_tree_attr
  REFUSED(syscall(SYS_move_mount, root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
  REFUSED(syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH, zero, 32));
  uint64_t request[3] = {24};
  REFUSED(syscall(457, request, zero, sizeof zero, 0)); // statmount
  request[1] = -1ull;
  REFUSED(syscall(458, request, zero, 16, 0)); // listmount
  for (unsigned i = 0; i < 32; i++) {
    REFUSED(syscall(SYS_setns, root, 1u << i));
    REFUSED(syscall(SYS_setns, self, 1u << i));
  }
  const char *namespaces[] = {"mnt", "pid", "net", "user", "uts", "ipc", "cgroup", "time"};
  for (unsigned i = 0; i < 8; i++)
    for (int pid = 0; pid < 2; pid++) {
      char path[64];
      snprintf(path, sizeof path, "/proc/%s/ns/%s", pid ? "1" : "self", namespaces[i]);
      int fd = open(path, O_RDONLY);
      if (fd >= 0) REFUSED(syscall(SYS_setns, fd, 0));
      close(fd);
    }
  // PIDFD_GET_*_NAMESPACE; FS_IOC_*; NS_GET_*; SECCOMP_IOCTL_NOTIF_*
  for (unsigned low = 0; low < 256; low++)
    for (unsigned type = 0; type < 4; type++) {
      unsigned request_number = (unsigned[]){0xff00, 0xb700, 0x2100, 0xc0502100}[type] | low;
      if (request_number == 0xff0b) continue;
      syscall(SYS_ioctl, self, request_number, 0);
      REFUSED(syscall(SYS_ioctl, root, request_number, zero));
    }
  REFUSED(syscall(SYS_swapon, "data/hello.txt", 0));
  REFUSED(syscall(SYS_swapoff, "data/hello.txt"));
  REFUSED(syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL)); // what it would do: forbid Ctrl-Alt-Del
  REFUSED(syscall(SYS_sethostname, "x", 1));
  REFUSED(syscall(SYS_setdomainname, "x", 1));
  REFUSED(syscall(SYS_iopl, 3));
  REFUSED(syscall(SYS_ioperm, 0x80, 1, 1));
  REFUSED(syscall(SYS_acct, "data/hello.txt"));
  REFUSED(syscall(SYS_quotactl, 0x80000100, "/dev/vda", 0, zero)); // Q_SYNC
  REFUSED(syscall(SYS_syslog, 3, zero, sizeof zero));
  REFUSED(syscall(SYS_syslog, 10, zero, 0));
  struct timespec time = {0};
  clock_gettime(CLOCK_REALTIME, &time);
  REFUSED(syscall(SYS_clock_settime, CLOCK_REALTIME, &time));
  REFUSED(syscall(SYS_settimeofday, &time, NULL));
  long adjust[64] = {1 /* ADJ_OFFSET */};
  REFUSED(syscall(SYS_adjtimex, adjust));
  REFUSED(syscall(SYS_clock_adjtime, CLOCK_REALTIME, adjust));
  REFUSED(syscall(SYS_fanotify_init, 0, 0));
  REFUSED(syscall(SYS_fanotify_init, 0x200, 0)); // FAN_REPORT_FID, which needs no privilege
  REFUSED(syscall(SYS_vhangup));
  REFUSED(syscall(SYS_lookup_dcookie, 0, zero, sizeof zero));
  REFUSED(syscall(SYS_mknod, "null", S_IFCHR | 0666, 0x103));
  REFUSED(syscall(SYS_mknod, "disk", S_IFBLK | 0666, 0xfe00));
  REFUSED(syscall(SYS_mknod, "whiteout", S_IFCHR, 0));
  REFUSED(syscall(SYS_setxattr, "data/dir", "user.overlay.opaque", "y", 1, 0));
  REFUSED(syscall(SYS_setxattr, "data/dir", "trusted.overlay.opaque", "y", 1, 0));
  REFUSED(syscall(SYS_setxattr, "/bin/true", "security.capability", zero, 20, 0));
  for (int resource = 0; resource < 16; resource++) {
    struct rlimit limit;
    getrlimit(resource, &limit);
    if (limit.rlim_max == RLIM_INFINITY) continue;
    limit.rlim_max++;
    REFUSED(setrlimit(resource, &limit));
  }
  if (nice(-5) >= 0 && getpriority(PRIO_PROCESS, 0) < 0) escaped("nice");
  REFUSED(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1}));
  REFUSED(syscall(SYS_ioprio_set, 1, 0, 1 << 13)); // real-time I/O
  return verdict();
}
