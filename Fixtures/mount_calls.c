// The calls that make mounts, by who may not: valid arguments, so that only the privilege is missing.
// calls: chroot fsconfig fsmount fsopen fspick listmount mount mount_setattr move_mount open_tree open_tree_attr
// calls: pivot_root statmount umount2
#include "unprivileged.h"
#include <linux/mount.h>

#define STATMOUNT 457
#define LISTMOUNT 458
#define OPEN_TREE_ATTR 467

int main(void) {
  drop_privilege();
  SHOW(syscall(SYS_mount, "none", "data/emptydir", "tmpfs", 0UL, NULL));
  SHOW(syscall(SYS_mount, "data", "data/emptydir", NULL, 4096UL, NULL));
  SHOW(syscall(SYS_umount2, "data/emptydir", 0));
  SHOW(syscall(SYS_umount2, "/proc", 2));
  SHOW(syscall(SYS_pivot_root, "data", "data/dir"));
  SHOW(syscall(SYS_chroot, "data"));
  SHOW(syscall(SYS_fsopen, "tmpfs", 0));
  SHOW(syscall(SYS_fspick, AT_FDCWD, "data", 0));
  SHOW(syscall(SYS_fsmount, -1, 0, 0));
  SHOW(syscall(SYS_fsconfig, -1, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  SHOW(syscall(SYS_move_mount, AT_FDCWD, "data/dir", AT_FDCWD, "data/emptydir", 0));
  SHOW(syscall(SYS_open_tree, AT_FDCWD, "data", OPEN_TREE_CLONE));
  SHOW(syscall(SYS_open_tree, AT_FDCWD, "data", 0));
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
  SHOW(syscall(SYS_mount_setattr, AT_FDCWD, "data", 0, &attributes, sizeof attributes));
  SHOW(syscall(OPEN_TREE_ATTR, AT_FDCWD, "data", OPEN_TREE_CLONE, &attributes, sizeof attributes));
  struct { uint32_t size, spare; uint64_t id, parameter; } request = {24, 0, -1UL, 0};
  uint64_t list[16];
  CHECK(syscall(LISTMOUNT, &request, list, 16, 0));
  char buffer[512];
  request.id = 0x123456789;
  request.parameter = 2;
  SHOW(syscall(STATMOUNT, &request, buffer, sizeof buffer, 0));
}
