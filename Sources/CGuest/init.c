// Guest init: pid 1 of the guest. It builds the mounts, starts the command, reaps whatever is orphaned, and
// is the supervisor's hands inside the namespaces. It dies with the supervisor, and the kernel then kills the guest.
#include "guest.h"
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

// glibc's <sys/mount.h> and <linux/mount.h> define the same names; only the call is needed from the first.
int mount(const char *, const char *, const char *, unsigned long, const void *);
#define UWRX_MS_SHARED (1 << 20)
#define UWRX_MS_PRIVATE (1 << 18)
#define UWRX_MS_REC 16384
// Newer than some headers.
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

static pid_t command;
static int skeleton, guest_proc;

static int restrict_mount(int tree, uint64_t attributes, int recursive) {
  struct mount_attr attr = {.attr_set = attributes};
  return (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr);
}

static uint64_t network; // what tells the guest's network namespace from every other (SO_NETNS_COOKIE)

static void bring_loopback_up(int events) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (s < 0 || ioctl(s, SIOCSIFFLAGS, &request)) uwrx_fail(events, "bring the loopback interface up");
  socklen_t size = sizeof network;
  if (getsockopt(s, SOL_SOCKET, 71 /* SO_NETNS_COOKIE */, &network, &size)) uwrx_fail(events, "identify the guest's network");
  close(s);
}

// Root of the guest has no such capability in the kernel, and yet may serve port 80, as CAP_NET_BIND_SERVICE would let it.
static void open_low_ports(int events) {
  int file = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, "0", 1) != 1) uwrx_fail(events, "open the low ports to the guest");
  close(file);
}

// What the guest may use up of what is counted by namespace. What cannot be set is not: a container may have made the file
// read-only, and has limits of its own then.
void uwrx_write_settings(int proc, const char *const *settings) {
  for (; *settings; settings += 2) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "sys/%s", settings[0]);
    int file = openat(proc, path, O_WRONLY | O_CLOEXEC);
    if (file < 0) continue;
    ssize_t written = write(file, settings[1], strlen(settings[1]));
    (void)written;
    close(file);
  }
}

// The descriptors that a user's processes have sent and nobody has received yet are counted together, and each sender compares them with
// its own limit of open files (unix(7), ETOOMANYREFS): the guest's is lower than this, so that it cannot keep guest init from sending.
static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// A clone of the mount at `path` that is in no namespace. Made before the mount is shared: a peer would receive binds too.
static int clone_view(int events, const char *path, uint64_t attributes, int recursive) {
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path,
                          OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));
  if (tree < 0) uwrx_fail(events, "clone a mount for the supervisor");
  if (restrict_mount(tree, attributes | MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, recursive))
    uwrx_fail(events, "restrict the supervisor's clone of a mount");
  return tree;
}

// Whom /proc/self names depends on who follows it, and several may at once: what the kernel finds there is the guest's own /proc's link,
// which it reads anew for each. Of that /proc it leads to nothing: what the link says is looked up beside it, in the skeleton.
static int bind_own_link(int proc, const char *name) {
  char place[64];
  snprintf(place, sizeof place, UWRX_SKELETON "/proc/%s", name);
  int tree = (int)syscall(SYS_open_tree, proc, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
  int file = open(place, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
  int result = tree < 0 || file < 0 || restrict_mount(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, 0) ||
               syscall(SYS_move_mount, tree, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH);
  if (tree >= 0) close(tree);
  if (file >= 0) close(file);
  return result;
}

static void build_mounts(const struct uwrx_launch *launch, int events) {
  int views[UWRX_VIEWS];
  if (mount("none", "/", NULL, UWRX_MS_REC | UWRX_MS_PRIVATE, NULL)) uwrx_fail(events, "make the mounts private");

  // The supervisor reads every source through this clone, so that not even a bug can write to one.
  views[UWRX_VIEW_HOST] = clone_view(events, "/", MOUNT_ATTR_RDONLY, 1);
  views[UWRX_VIEW_RUN] = clone_view(events, launch->run_directory, 0, 0);

  // Whose namespace it tells of is decided here (sysvipc(7)); a kernel without System V memory has none to tell of.
  if ((views[UWRX_VIEW_SHARED] = open("/proc/sysvipc/shm", O_RDONLY | O_CLOEXEC)) < 0)
    views[UWRX_VIEW_SHARED] = open("/dev/null", O_RDONLY | O_CLOEXEC);

  int store = -1;
  if (launch->store_directory) {
    store = (int)syscall(SYS_open_tree, AT_FDCWD, launch->store_directory, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (store < 0) uwrx_fail(events, "clone the mount of the directory for temporary files");
  }

  if (mount("proc", UWRX_BASE, "proc", 0, NULL)) uwrx_fail(events, "mount the guest's /proc");
  views[UWRX_VIEW_PROC] = open(UWRX_BASE, O_PATH | O_DIRECTORY | O_CLOEXEC);

  // Three mount points.
  if (mount("tmpfs", UWRX_BASE, "tmpfs", 0, "mode=0755,size=64k,nr_inodes=16")) uwrx_fail(events, "mount a tmpfs");
  if (mkdir(UWRX_SKELETON, 0755) || mkdir(UWRX_STORE, 0755) || mkdir(UWRX_EMPTY, 0555)) uwrx_fail(events, "create the mount points");
  // Names alone, and the targets of links: directories and the places of binds take no blocks. As many as the kernel gives by default, for
  // a guest may look at millions of directories. The last of two equal options holds.
  char options[160];
  snprintf(options, sizeof options, "mode=0755,size=64m%s", launch->memory_options);
  if (mount("tmpfs", UWRX_SKELETON, "tmpfs", 0, options)) uwrx_fail(events, "mount the skeleton root");
  snprintf(options, sizeof options, "mode=0755,size=50%%%s", launch->memory_options);
  if (store >= 0) {
    // Opened before /proc was covered, as it may be anywhere.
    if (restrict_mount(store, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0) ||
        syscall(SYS_move_mount, store, "", AT_FDCWD, UWRX_STORE, MOVE_MOUNT_F_EMPTY_PATH))
      uwrx_fail(events, "mount the directory for temporary files");
    close(store);
  } else if (mount("tmpfs", UWRX_STORE, "tmpfs", 0, options)) {
    uwrx_fail(events, "mount the store");
  }
  views[UWRX_VIEW_SKELETON] = clone_view(events, UWRX_SKELETON, 0, 0);
  views[UWRX_VIEW_STORE] = clone_view(events, UWRX_STORE, 0, 0);
  // The command has a mount namespace of its own, without the host; what is bound here later reaches it by propagation.
  if (mount("none", UWRX_SKELETON, NULL, UWRX_MS_SHARED, NULL)) uwrx_fail(events, "share the skeleton root");
  // All instances share kernel.pty.max.
  snprintf(options, sizeof options, "newinstance,ptmxmode=0666,mode=0%o,max=512", launch->terminal_mode);
  if (mkdir(UWRX_SKELETON "/dev", 0755) || mkdir(UWRX_SKELETON "/dev/pts", 0755) ||
      mount("devpts", UWRX_SKELETON "/dev/pts", "devpts", 0, options))
    uwrx_fail(events, "mount the guest's pseudo-terminals");

  if (mkdir(UWRX_SKELETON "/proc", 0755) || bind_own_link(views[UWRX_VIEW_PROC], "self") ||
      bind_own_link(views[UWRX_VIEW_PROC], "thread-self"))
    uwrx_fail(events, "bind the links of /proc to who follows them");

  skeleton = open(UWRX_SKELETON, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (views[UWRX_VIEW_PROC] < 0 || views[UWRX_VIEW_SHARED] < 0 || skeleton < 0) uwrx_fail(events, "open the mounts");
  struct uwrx_message header = {.operation = UWRX_READY, .inode = network};
  if (uwrx_send_descriptors(events, &header, "", views, UWRX_VIEWS, 0)) _exit(125);
  for (int view = 0; view < UWRX_VIEWS; view++)
    if (view != UWRX_VIEW_PROC) close(views[view]);
  guest_proc = views[UWRX_VIEW_PROC];
}

static int open_in_skeleton(const char *path) {
  // Nothing of the guest's making may lead a mount elsewhere.
  struct open_how how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  return (int)syscall(SYS_openat2, skeleton, path, &how, sizeof how);
}

// The path was looked up in the host's namespace by the supervisor; only what it found there is used.
static int check_identity(int file, const struct uwrx_message *m) {
  struct stat st;
  if (fstat(file, &st)) return -errno;
  return st.st_dev != m->device || st.st_ino != m->inode ? -ESTALE : 0;
}

static int bind_file(const struct uwrx_message *m, const char *from, const char *to) {
  int result, target = -1;
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
  if (tree < 0) return -errno;
  if (!(result = check_identity(tree, m))) {
    uint64_t attributes = MOUNT_ATTR_NOSUID;
    if (m->operation == UWRX_BIND_FILE) attributes |= MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;
    if (restrict_mount(tree, attributes, 0) || (target = open_in_skeleton(to)) < 0 ||
        syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
      result = -errno;
  }
  close(tree);
  if (target >= 0) close(target);
  return result;
}

// A file that is opened through an overlay has an inode of the overlay's, and so locks that the host's processes do not meet.
static int mount_overlay(const struct uwrx_message *m, const char *path) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC | O_DIRECTORY,
                         .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  int result, fs = -1, directory = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  if (directory < 0) return -errno;
  // The directory is named as ".": a path would have to be escaped, and may be longer than fsconfig takes. Without a layer to write
  // to an overlay has two others at least.
  if (!(result = check_identity(directory, m)) &&
      (fchdir(directory) || (fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC)) < 0 ||
           syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "lowerdir", ".:" UWRX_EMPTY, 0) ||
           syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "xino", "off", 0) ||
           syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) ||
           syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ||
           (result = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
                                  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME)) < 0))
    result = -errno;
  if (result >= 0 && restrict_mount(result, MOUNT_ATTR_NOSYMFOLLOW, 0)) {
    int error = errno;
    close(result);
    result = -error;
  }
  if (fs >= 0) close(fs);
  close(directory);
  if (chdir("/")) _exit(125);
  return result;
}

// The kernel tells who opens some files of /proc, and also who looks for their names, of the opener's own namespaces.
static int open_proc(const char *path) {
  struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
  int file = (int)syscall(SYS_openat2, guest_proc, path, &how, sizeof how);
  return file < 0 ? -errno : file;
}

// The guest's address is told to whoever asks the socket for its name, so it must be bound to those very bytes: here they lead where they
// lead the guest. What stands in the skeleton is decided by the supervisor, which holds every call of the guest's off meanwhile.
// `directory` is where the caller is, or for an absolute name its root.
static int bind_socket(int file, const char *directory, const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(name);
  if (file < 0 || length > sizeof address.sun_path) return -EINVAL;
  memcpy(address.sun_path, name, length);
  int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), result = 0;
  // The virtual kernel says who may connect; its own rights are the same for all of the guest's processes.
  mode_t mask = umask(0);
  if (host < 0 || fchdir(skeleton) || chroot(".") || (*directory && chdir(directory)) || (*name == '/' && chroot(".")) ||
      bind(file, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)))
    result = -errno;
  umask(mask);
  if (host < 0 || fchdir(host) || chroot(".")) _exit(125);
  close(host);
  return result;
}

// What a magic link leads to may be a directory without a name. A mount of one can be entered and is as nameless as it; it must be made
// while the directory has one.
static int bind_removed(const char *path, const char *to) {
  int result = 0, tree = -1, target = -1, directory = open_in_skeleton(path);
  if (directory < 0 ||
      (tree = (int)syscall(SYS_open_tree, directory, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)) < 0 ||
      (target = open_in_skeleton(to)) < 0 ||
      syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) ||
      unlinkat(skeleton, path, AT_REMOVEDIR))
    result = -errno;
  if (directory >= 0) close(directory);
  if (tree >= 0) close(tree);
  if (target >= 0) close(target);
  return result;
}

// A message of the supervisor's and the descriptor that comes with it, else -1.
static ssize_t receive(int control, char *buffer, size_t size, int *file) {
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
  } rights;
  struct iovec iov = {buffer, size};
  struct msghdr message = {
      .msg_iov = &iov, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes};
  ssize_t n = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
  struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  *file = -1;
  if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) memcpy(file, CMSG_DATA(c), sizeof *file);
  return n;
}

static void serve(int control) {
  static char buffer[sizeof(struct uwrx_message) + 2 * PATH_MAX + 2];
  int taken;
  ssize_t n = receive(control, buffer, sizeof buffer - 1, &taken);
  if (n <= 0) _exit(0); // the supervisor has gone
  buffer[n] = 0;
  struct uwrx_message m;
  if ((size_t)n < sizeof m + 2) _exit(125);
  memcpy(&m, buffer, sizeof m);
  const char *path = buffer + sizeof m;
  const char *second = path + strlen(path) + 1;
  if (second > buffer + n) _exit(125);
  int result = -ENOSYS, made = -1;
  switch (m.operation) {
  case UWRX_BIND_FILE:
  case UWRX_BIND_DEVICE: result = bind_file(&m, path, second); break;
  case UWRX_OVERLAY:
    made = mount_overlay(&m, path);
    result = made < 0 ? made : 0;
    break;
  case UWRX_OPEN_PROC:
    made = open_proc(path);
    result = made < 0 ? made : 0;
    break;
  case UWRX_BIND_SOCKET: result = bind_socket(taken, path, second); break;
  case UWRX_BIND_REMOVED: result = bind_removed(path, second); break;
  case UWRX_SIGNAL_ALL: kill(-1, m.value); return;
  case UWRX_SIGNAL_COMMAND: kill(-command, m.value); return;
  case UWRX_STOP_ALL: uwrx_stop_all(guest_proc); return;
  case UWRX_CONTINUE_ALL: uwrx_continue_all(guest_proc); return;
  }
  if (taken >= 0) close(taken);
  // One answer to one request is there at a time, but for those that were given up.
  struct uwrx_message answer = {.operation = m.operation, .value = result, .serial = m.serial};
  int sent = uwrx_send_descriptors(control, &answer, "", &made, made >= 0, MSG_DONTWAIT);
  // Senders that wait for room have been let through already: as many as the guest likes may be in flight after all. Then the call that
  // asked fails, and not the run.
  if (sent < 0 && sent != -EAGAIN && made >= 0) {
    answer.value = sent;
    sent = uwrx_send_descriptors(control, &answer, "", NULL, 0, MSG_DONTWAIT);
  }
  if (made >= 0) close(made);
  if (sent < 0 && sent != -EAGAIN) _exit(0);
}

// What the supervisor is to know is a level, not a stream: the guest can make statuses faster than anybody reads them, and a send that
// waited would keep guest init from its requests.
static struct {
  int has_status, status, tree_ended;
} untold;

static int command_ended;

static void tell(int events) {
  if (untold.has_status) {
    struct uwrx_message header = {.operation = UWRX_STATUS, .value = untold.status};
    if (uwrx_send_descriptors(events, &header, "", NULL, 0, MSG_DONTWAIT) == -EAGAIN) return;
    untold.has_status = 0;
  }
  if (untold.tree_ended) {
    struct uwrx_message header = {.operation = UWRX_TREE_ENDED};
    if (uwrx_send_descriptors(events, &header, "", NULL, 0, MSG_DONTWAIT) != -EAGAIN) _exit(0);
  }
}

// Returns whether there may be more: a guest that stops and continues its processes without end must not keep guest init here.
static int reap(void) {
  for (int budget = 256; budget > 0; budget--) {
    int status;
    pid_t pid = waitpid(-1, &status, __WALL | WNOHANG | WUNTRACED | WCONTINUED);
    if (pid == 0) {
      if (command_ended) uwrx_rouse_stranded(guest_proc);
      return 0;
    }
    if (pid < 0) {
      if (errno == EINTR) continue;
      // ECHILD: every process of the tree was a descendant and has been reaped.
      untold.tree_ended = 1;
      return 0;
    }
    if (pid == command) {
      command_ended = WIFEXITED(status) || WIFSIGNALED(status);
      untold.has_status = 1;
      untold.status = status;
    }
  }
  return 1;
}

void uwrx_init_main(const struct uwrx_launch *launch, int control, int events, int go) {
  char byte;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (read(go, &byte, 1) != 1) _exit(125); // also if the supervisor died before PDEATHSIG was set
  close(go);
  // Only now: the supervisor could not have written the id maps of a process that is not dumpable.
  prctl(PR_SET_DUMPABLE, 0);
  prctl(PR_SET_NAME, "uwrx-init");
  sigset_t all, children;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  if (sethostname(launch->hostname, strlen(launch->hostname))) uwrx_fail(events, "set the host name");
  bring_loopback_up(events);
  if (launch->inside_uid == 0) open_low_ports(events);
  int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  uwrx_write_settings(proc, launch->settings);
  if (launch->user_namespace) uwrx_write_settings(proc, launch->user_settings);
  close(proc);
  raise_descriptor_limit();
  build_mounts(launch, events);

  command = fork();
  if (command < 0) uwrx_fail(events, "fork the command");
  if (command == 0) uwrx_command_main(launch, events, guest_proc);

  // Held open here, a pipe on stdout would not end for its reader when the guest closes it.
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2 && null > 2; fd++) dup2(null, fd);
  if (null > 2) close(null);

  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) uwrx_fail(events, "watch the processes of the guest");
  struct pollfd polled[3] = {{.fd = signals, .events = POLLIN}, {.fd = control, .events = POLLIN}, {.fd = events}};
  for (int more = 0;;) {
    polled[2].events = untold.has_status || untold.tree_ended ? POLLOUT : 0;
    if (poll(polled, 3, more ? 0 : -1) < 0 && errno != EINTR) _exit(125);
    if (polled[0].revents || more) {
      struct signalfd_siginfo info;
      ssize_t length = read(signals, &info, sizeof info);
      (void)length;
      more = reap();
    }
    tell(events);
    if (polled[1].revents) serve(control);
  }
}
