// Becomes somebody else: set-id programs of the host's and of its own, file capabilities, dumps of what a user may not read.
#include "attack.h"
#include <linux/capability.h>
#include <sys/xattr.h>

static void look(const char *how) {
  uid_t real, effective, saved;
  getresuid(&real, &effective, &saved);
  if (effective != real || saved != real) escaped("%s: user %d, %d, %d", how, real, effective, saved);
  // Capabilities of the guest's are the supervisor's to answer; what the kernel thinks shows in what it lets happen.
  if (syscall(SYS_unshare, 0x04000000) == 0) escaped("%s: a namespace of its own", how);
  int raw = socket(AF_INET, SOCK_RAW, 1);
  if (raw >= 0) escaped("%s: a raw socket", how);
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max != RLIM_INFINITY) {
    limit.rlim_max++;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) escaped("%s: a higher limit", how);
  }
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
