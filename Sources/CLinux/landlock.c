#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static long allow(int rules, int directory, uint64_t accesses) {
  struct landlock_path_beneath_attr below = {.allowed_access = accesses, .parent_fd = directory};
  return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0) ? -errno : 0;
}

long uwrx_restrict_files(const char *_Nullable const *_Nonnull readable, int writable) {
  // landlock(7): truncation can be refused since version 3, renames between directories since version 2.
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return 0;
  const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (version >= 2) all |= 1 << 13; // LANDLOCK_ACCESS_FS_REFER
  if (version >= 3) all |= 1 << 14; // LANDLOCK_ACCESS_FS_TRUNCATE
  int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
  if (rules < 0) return -errno;
  long result = writable < 0 ? 0 : allow(rules, writable, all & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE);
  for (; *readable && !result; readable++) {
    int directory = open(*readable, O_PATH | O_CLOEXEC);
    if (directory < 0) continue;
    result = allow(rules, directory, reading);
    // Of a file no right of directories can be given.
    if (result == -EINVAL) result = allow(rules, directory, LANDLOCK_ACCESS_FS_READ_FILE);
    close(directory);
  }
  if (!result && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_landlock_restrict_self, rules, 0))) result = -errno;
  close(rules);
  return result;
}
