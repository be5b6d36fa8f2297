// The guest's mounts, as guest init builds them before the command starts.
#include "guest.h"
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

// glibc's <sys/mount.h> and <linux/mount.h> define the same names; only the call is needed from the first.
int mount(const char *, const char *, const char *, unsigned long, const void *);
#define UWRX_MS_SHARED (1 << 20)
#define UWRX_MS_PRIVATE (1 << 18)
#define UWRX_MS_REC 16384

int uwrx_restrict_mount(int tree, uint64_t attributes, int recursive) {
  struct mount_attr attr = {.attr_set = attributes};
  return (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr);
}

// A clone of the mount at `path` that is in no namespace. Made before the mount is shared: a peer would receive binds too.
static int clone_view(int events, const char *path, uint64_t attributes, int recursive) {
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path,
                          OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));
  if (tree < 0) uwrx_fail(events, "clone a mount for the supervisor");
  if (uwrx_restrict_mount(tree, attributes | UWRX_NO_LINKS | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, recursive))
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
  int result = tree < 0 || file < 0 || uwrx_restrict_mount(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, 0) ||
               syscall(SYS_move_mount, tree, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH);
  if (tree >= 0) close(tree);
  if (file >= 0) close(file);
  return result;
}

void uwrx_build_mounts(const struct uwrx_launch *launch, int events, uint64_t network, struct uwrx_guest *guest) {
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
    if (uwrx_restrict_mount(store, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0) ||
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

  guest->skeleton = open(UWRX_SKELETON, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (views[UWRX_VIEW_PROC] < 0 || views[UWRX_VIEW_SHARED] < 0 || guest->skeleton < 0) uwrx_fail(events, "open the mounts");
  struct uwrx_message header = {.operation = UWRX_READY, .inode = network};
  if (uwrx_send_descriptors(events, &header, "", views, UWRX_VIEWS, 0)) uwrx_fail(events, "hand over the mounts");
  for (int view = 0; view < UWRX_VIEWS; view++)
    if (view != UWRX_VIEW_PROC) close(views[view]);
  guest->proc = views[UWRX_VIEW_PROC];
}
