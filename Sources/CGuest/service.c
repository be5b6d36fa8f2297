// What guest init does inside the namespaces when the supervisor asks for it.
#include "guest.h"
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

static int open_in_skeleton(const struct uwrx_guest *guest, const char *path) {
  // Nothing of the guest's making may lead a mount elsewhere.
  struct open_how how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  return (int)syscall(SYS_openat2, guest->skeleton, path, &how, sizeof how);
}

// The path was looked up in the host's namespace by the supervisor; only what it found there is used.
static int check_identity(int file, const struct uwrx_message *m) {
  struct stat st;
  if (fstat(file, &st)) return -errno;
  return st.st_dev != m->device || st.st_ino != m->inode ? -ESTALE : 0;
}

static int bind_file(const struct uwrx_guest *guest, const struct uwrx_message *m, const char *from, const char *to) {
  int result, target = -1;
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
  if (tree < 0) return -errno;
  if (!(result = check_identity(tree, m))) {
    uint64_t attributes = MOUNT_ATTR_NOSUID;
    if (m->operation == UWRX_BIND_FILE) attributes |= MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;
    if (uwrx_restrict_mount(tree, attributes, 0) || (target = open_in_skeleton(guest, to)) < 0 ||
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
  if (result >= 0 && uwrx_restrict_mount(result, UWRX_NO_LINKS, 0)) {
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
static int open_proc(const struct uwrx_guest *guest, const char *path) {
  struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
  int file = (int)syscall(SYS_openat2, guest->proc, path, &how, sizeof how);
  return file < 0 ? -errno : file;
}

// The guest's address is told to whoever asks the socket for its name, so it must be bound to those very bytes: here they lead where they
// lead the guest. What stands in the skeleton is decided by the supervisor, which holds every call of the guest's off meanwhile.
// `directory` is where the caller is, or for an absolute name its root.
static int bind_socket(const struct uwrx_guest *guest, int file, const char *directory, const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(name);
  if (file < 0 || length > sizeof address.sun_path) return -EINVAL;
  memcpy(address.sun_path, name, length);
  int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), result = 0;
  // The virtual kernel says who may connect; its own rights are the same for all of the guest's processes, and no umask is ours.
  if (host < 0 || fchdir(guest->skeleton) || chroot(".") || (*directory && chdir(directory)) || (*name == '/' && chroot(".")) ||
      bind(file, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)))
    result = -errno;
  if (host < 0 || fchdir(host) || chroot(".")) _exit(125);
  close(host);
  return result;
}

// What a magic link leads to may be a directory without a name. A mount of one can be entered and is as nameless as it; it must be made
// while the directory has one.
static int bind_removed(const struct uwrx_guest *guest, const char *path, const char *to) {
  int result = 0, tree = -1, target = -1, directory = open_in_skeleton(guest, path);
  if (directory < 0 ||
      (tree = (int)syscall(SYS_open_tree, directory, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)) < 0 ||
      (target = open_in_skeleton(guest, to)) < 0 ||
      syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) ||
      unlinkat(guest->skeleton, path, AT_REMOVEDIR))
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

void uwrx_serve(const struct uwrx_guest *guest, int control) {
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
  case UWRX_BIND_DEVICE: result = bind_file(guest, &m, path, second); break;
  case UWRX_OVERLAY:
    made = mount_overlay(&m, path);
    result = made < 0 ? made : 0;
    break;
  case UWRX_OPEN_PROC:
    made = open_proc(guest, path);
    result = made < 0 ? made : 0;
    break;
  case UWRX_BIND_SOCKET: result = bind_socket(guest, taken, path, second); break;
  case UWRX_NETWORK_LISTEN: result = uwrx_network_listen(m.value); break;
  case UWRX_BIND_REMOVED: result = bind_removed(guest, path, second); break;
  case UWRX_SIGNAL_ALL: kill(-1, m.value); return;
  case UWRX_SIGNAL_COMMAND: kill(-guest->command, m.value); return;
  case UWRX_STOP_ALL: uwrx_stop_all(guest->proc); return;
  case UWRX_CONTINUE_ALL: uwrx_continue_all(guest->proc); return;
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
