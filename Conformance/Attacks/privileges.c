// Becomes somebody else: set-id programs of the host's and of its own, file capabilities, dumps of what a user may not read.
#include "attack.h"
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/xattr.h>

static void look(const char *how) {
  uid_t real, effective, saved;
  getresuid(&real, &effective, &saved);
  if (effective != real || saved != real) escaped("%s: user %d, %d, %d", how, real, effective, saved);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0}};
  syscall(SYS_capget, &header, data);
  if (data[0].effective | data[0].permitted | data[0].inheritable | data[1].effective | data[1].permitted)
    escaped("%s: capabilities %x %x", how, data[0].effective, data[0].permitted);
  for (int capability = 0; capability < 41; capability++)
    if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) escaped("%s: capability %d is in the bounding set", how, capability);
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) escaped("%s: no_new_privs is off", how);
  if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2) escaped("%s: there is no filter", how);
}

int main(int argc, char **argv) {
  if (argc > 1) {
    look(argv[1]);
    return verdict();
  }
  look("at the start");
  char self[PATH_MAX] = "";
  NEEDS(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  // A copy of its own with every privilege that a file can carry.
  IN_CHILD execl("/bin/cp", "cp", self, "copy", NULL);
  NEEDS(child_status == 0);
  NEEDS(chmod("copy", 06755) == 0);
  struct vfs_ns_cap_data capabilities = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, .data = {{-1u, -1u}, {-1u, -1u}}};
  setxattr("copy", "security.capability", &capabilities, sizeof(struct vfs_cap_data), 0);
  setxattr("copy", "security.capability", &capabilities, sizeof capabilities, 0);
  if (getxattr("copy", "security.capability", NULL, 0) > 0) escaped("a file has capabilities");
  // Whose its owner is only to the guest: the host's file stays its user's, and without set-id bits of another.
  chown("copy", 0, 0);
  chmod("copy", 06755);
  IN_CHILD execl("./copy", "copy", "set-user-id root", NULL);
  if (WEXITSTATUS(child_status) == ESCAPED) escaped("a set-id copy");
  chown("copy", 1, 1);
  chmod("copy", 06755);
  IN_CHILD execl("./copy", "copy", "set-user-id 1", NULL);
  chown("copy", 65534, 65534);
  chmod("copy", 06755);
  IN_CHILD execl("./copy", "copy", "set-user-id nobody", NULL);
  // The host's own, which natively become root: su without a password for root, and what tells who it is.
  const char *programs[] = {"/bin/su", "/usr/bin/passwd", "/usr/bin/newgrp", "/usr/bin/chsh", "/bin/mount", "/bin/umount", "/usr/bin/sudo", "/usr/bin/pkexec"};
  for (unsigned i = 0; i < sizeof programs / sizeof *programs; i++) {
    if (access(programs[i], X_OK)) continue;
    IN_CHILD {
      int null = open("/dev/null", O_RDWR);
      dup2(null, 0), dup2(null, 1), dup2(null, 2);
      alarm(3);
      if (i == 0) execl(programs[i], "su", "-s", self, "root", "x", NULL);
      execl(programs[i], programs[i], "--version", NULL);
    }
  }
  // Ids that only a privilege gives; those of the caller are no change.
  static const int ids[] = {0, 1, 1000, 65534, 12345};
  for (int i = 0; i < 5; i++) {
    if ((uid_t)ids[i] == getuid() || (gid_t)ids[i] == getgid()) continue;
    gid_t group = ids[i];
    if (setresuid(ids[i], ids[i], ids[i]) == 0) escaped("setresuid(%d)", ids[i]);
    if (setresgid(ids[i], ids[i], ids[i]) == 0) escaped("setresgid(%d)", ids[i]);
    if (syscall(SYS_setgroups, 1, &group) == 0) escaped("setgroups(%d)", ids[i]);
    setfsuid(ids[i]);
  }
  // Core dumps: of a program that may not be read, into a directory of the host's, over a link, under a name in the supervisor's way.
  struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
  getrlimit(RLIMIT_CORE, &all);
  all.rlim_cur = all.rlim_max;
  setrlimit(RLIMIT_CORE, &all);
  symlink(outside("empty/core"), "core");
  const char *places[] = {".", "data/dir", "/tmp", "/", "/dev/shm", "data/emptydir"};
  for (unsigned i = 0; i < 6; i++) IN_CHILD {
    NEEDS(chdir(places[i]) == 0);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    *(volatile int *)8 = 1;
  }
  NEEDS(unlink("core") == 0);
  NEEDS(mkdir("core", 0755) == 0 && chdir("core") == 0 && chdir("..") == 0);
  int made = open("data/dir/core", O_CREAT | O_EXCL | O_WRONLY, 0755);
  NEEDS(made >= 0);
  dprintf(made, "#!/bin/sh\nexit 7\n");
  close(made);
  IN_CHILD execl("data/dir/core", "core", NULL);
  if (WEXITSTATUS(child_status) != 7) escaped("a dump is run instead of a program: %#x", child_status);
  return verdict();
}
