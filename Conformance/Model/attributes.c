// Operations on what stat(2) tells, and on extended attributes.
#include "model.h"
#include <sys/syscall.h>
#include <sys/xattr.h>

static int number_of(struct slot *slot, int self) { return slot - model.state->workers[self].slots; }

static void stat_step(struct chance *chance, int self) {
  char path[path_size], directory[32], label[64];
  struct stat status;
  make_path(chance, path);
  int at = pick_directory(chance, self, directory), result;
  uint64_t kind = draw(chance, 5);
  if (kind < 2) {
    struct slot *slot = pick_slot(chance, self);
    result = fstat(slot->fd, &status);
    sprintf(label, "slot %d", number_of(slot, self));
    RESULT("  fstat(%s)", label);
    // The times of what is open for writing are the clock's.
    if (result == 0) show_attributes(label, &status);
    // Whether the descriptor's file is the one that the path leads to.
    struct stat other;
    if (result == 0 && fstatat(at, path, &other, 0) == 0)
      say("  %s file as %s%s", other.st_ino == status.st_ino && other.st_dev == status.st_dev ? "same" : "not the same",
          directory, quote_path(path));
  } else if (kind < 4) {
    result = fstatat(at, path, &status, kind == 2 ? AT_SYMLINK_NOFOLLOW : 0);
    RESULT("  %s(%s%s)", kind == 2 ? "lstat" : "stat", directory, quote_path(path));
    if (result == 0) show_attributes("it", &status);
  } else {
    struct statx extended;
    result = statx(at, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_BASIC_STATS, &extended);
    RESULT("  statx(%s%s)", directory, quote_path(path));
    if (result == 0 && !S_ISDIR(extended.stx_mode))
      say("  mode %o links %u owner %u:%u size %llu", extended.stx_mode, extended.stx_nlink, extended.stx_uid, extended.stx_gid,
          (unsigned long long)extended.stx_size);
  }
}

static void mode_step(struct chance *chance, int self) {
  static const int modes[] = {0644, 0755, 0600, 0700, 0777, 04755, 02755, 02644, 01777, 0444, 0555, 0640};
  char path[path_size], directory[32];
  make_path(chance, path);
  int at = pick_directory(chance, self, directory);
  int mode = draw(chance, 25) ? modes[draw(chance, 12)] : 0;
  // A user's write takes these bits away; under uwrx writes are not seen, and the open counts as one.
  if (getuid() != 0) mode &= 01777;
  if (draw(chance, 3) == 0) {
    struct slot *slot = pick_slot(chance, self);
    int result = fchmod(slot->fd, mode);
    RESULT("  fchmod(slot %d, %o)", number_of(slot, self), mode);
  } else {
    int result = fchmodat(at, path, mode, 0);
    RESULT("  chmod(%s%s, %o)", directory, quote_path(path), mode);
  }
}

static void owner_step(struct chance *chance, int self) {
  char path[path_size], directory[32];
  make_path(chance, path);
  int at = pick_directory(chance, self, directory);
  uid_t uid = draw(chance, 2) ? getuid() : (uid_t)-1;
  gid_t gid = draw(chance, 2) ? getgid() : (gid_t)-1;
  if (draw(chance, 4) == 0) uid = gid = 4321;
  if (draw(chance, 3) == 0) {
    struct slot *slot = pick_slot(chance, self);
    int result = fchown(slot->fd, uid, gid);
    RESULT("  fchown(slot %d, %d, %d)", number_of(slot, self), (int)uid, (int)gid);
  } else {
    int flags = draw(chance, 2) ? AT_SYMLINK_NOFOLLOW : 0, result = fchownat(at, path, uid, gid, flags);
    RESULT("  %s(%s%s, %d, %d)", flags ? "lchown" : "chown", directory, quote_path(path), (int)uid, (int)gid);
  }
}

static struct timespec make_time(struct chance *chance) {
  switch (draw(chance, 6)) {
  case 0: return (struct timespec){0, UTIME_NOW};
  case 1: return (struct timespec){0, UTIME_OMIT};
  case 2: return (struct timespec){-(long)draw(chance, 1000000), draw(chance, 1000000000)};
  case 3: return (struct timespec){0, draw(chance, 30) ? 0 : 1000000000};
  default: return (struct timespec){draw(chance, 1600000000), draw(chance, 1000000000)};
  }
}

static void time_step(struct chance *chance, int self) {
  char path[path_size], directory[32];
  make_path(chance, path);
  int at = pick_directory(chance, self, directory);
  struct timespec times[2] = {make_time(chance), make_time(chance)};
  struct stat status;
  int result, known;
  if (draw(chance, 3) == 0) {
    struct slot *slot = pick_slot(chance, self);
    result = futimens(slot->fd, times);
    known = fstat(slot->fd, &status);
    RESULT("  futimens(slot %d)", number_of(slot, self));
  } else {
    int flags = draw(chance, 2) ? AT_SYMLINK_NOFOLLOW : 0;
    result = utimensat(at, path, times, flags);
    known = fstatat(at, path, &status, flags);
    RESULT("  utimensat(%s%s, %#x)", directory, quote_path(path), flags);
  }
  // Reading moves the access time natively, but never that of a lower file: only what was just set is told. The way to the
  // file may have led through it, if it is a link.
  if (result == 0 && known == 0)
    say("  accessed %s modified %s",
        times[0].tv_nsec == UTIME_OMIT || S_ISLNK(status.st_mode) ? "before" : show_time(status.st_atim),
        show_time(status.st_mtim));
}

static void show_names(const char *names, ssize_t length) {
  const char *sorted[64];
  int count = 0;
  for (const char *name = names; name < names + length && count < 64; name += strlen(name) + 1) {
    int at = count++;
    if (strncmp(name, "user.", 5)) {
      count--;
      continue;
    }
    for (; at > 0 && strcmp(sorted[at - 1], name) > 0; at--) sorted[at] = sorted[at - 1];
    sorted[at] = name;
  }
  for (int i = 0; i < count; i++) say("  has %s", sorted[i]);
}

static void attribute_by_path_step(struct chance *chance, const char *name, const char *value, size_t size, int flags) {
  char path[path_size], bytes[4096];
  make_path(chance, path);
  bool follows = draw(chance, 2);
  uint64_t kind = draw(chance, 6);
  if (kind < 3) {
    int result = (follows ? setxattr : lsetxattr)(path, name, value, size, flags);
    RESULT("  setxattr(%s, %s, %zu, %d, %d)", quote_path(path), quote_path(name), size, flags, follows);
  } else if (kind == 3) {
    size_t room = draw(chance, 5) ? sizeof bytes : draw(chance, 20);
    ssize_t result = (follows ? getxattr : lgetxattr)(path, name, bytes, room);
    RESULT("  getxattr(%s, %s, %zu, %d) %x", quote_path(path), quote_path(name), room, follows,
        result < 0 || room == 0 ? 0 : hash_bytes(0, bytes, result));
  } else if (kind == 4) {
    ssize_t result = (follows ? listxattr : llistxattr)(path, bytes, sizeof bytes);
    int error = errno;
    say("  listxattr(%s, %d) %s", quote_path(path), follows, result < 0 ? error_name(error) : "");
    if (result > 0) show_names(bytes, result);
  } else {
    int result = (follows ? removexattr : lremovexattr)(path, name);
    RESULT("  removexattr(%s, %s, %d)", quote_path(path), quote_path(name), follows);
  }
}

static void attribute_by_slot_step(
    struct chance *chance, int self, const char *name, const char *value, size_t size, int flags) {
  char bytes[4096];
  struct slot *slot = pick_slot(chance, self);
  switch (draw(chance, 4)) {
  case 0: {
    int result = fsetxattr(slot->fd, name, value, size, flags);
    RESULT("  fsetxattr(slot %d, %s, %zu, %d)", number_of(slot, self), quote_path(name), size, flags);
    break;
  }
  case 1: {
    ssize_t result = fgetxattr(slot->fd, name, bytes, sizeof bytes);
    RESULT("  fgetxattr(slot %d, %s) %x", number_of(slot, self), quote_path(name),
        result < 0 ? 0 : hash_bytes(0, bytes, result));
    break;
  }
  case 2: {
    ssize_t result = flistxattr(slot->fd, bytes, sizeof bytes);
    int error = errno;
    say("  flistxattr(slot %d) %s", number_of(slot, self), result < 0 ? error_name(error) : "");
    if (result > 0) show_names(bytes, result);
    break;
  }
  default: {
    int result = fremovexattr(slot->fd, name);
    RESULT("  fremovexattr(slot %d, %s)", number_of(slot, self), quote_path(name));
  }
  }
}

static void extended_step(struct chance *chance, int self) {
  static const char *const names[] = {"user.a", "user.bb", "user.caf\xe9", "user.a", "user.bb", "user.", "nothing.a"};
  char value[256];
  const char *name = names[draw(chance, 7)];
  size_t size = draw(chance, sizeof value);
  fill_bytes(chance, value, size);
  int flags = draw(chance, 3) ? 0 : draw(chance, 2) ? XATTR_CREATE : XATTR_REPLACE;
  if (draw(chance, 3)) attribute_by_path_step(chance, name, value, size, flags);
  else attribute_by_slot_step(chance, self, name, value, size, flags);
}

static void access_step(struct chance *chance, int self) {
  char path[path_size], directory[32];
  make_path(chance, path);
  int at = pick_directory(chance, self, directory), mode = draw(chance, 8);
  int flags = (draw(chance, 2) ? AT_EACCESS : 0) | (draw(chance, 2) ? AT_SYMLINK_NOFOLLOW : 0);
  int result = syscall(SYS_faccessat2, at, path, mode, flags);
  RESULT("  access(%s%s, %d, %#x)", directory, quote_path(path), mode, flags);
}

static void truncate_step(struct chance *chance) {
  char path[path_size];
  make_path(chance, path);
  off_t length = draw(chance, 4) ? draw(chance, 30000) : 0;
  struct stat status;
  if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && !may_write(&status)) {
    say("  a reader holds %s", quote_path(path));
    return;
  }
  int result = truncate(path, length);
  RESULT("  truncate(%s, %ld)", quote_path(path), (long)length);
}

void attribute_step(struct chance *chance, int self, int kind) {
  if (kind < 6) return stat_step(chance, self);
  if (kind < 10) return mode_step(chance, self);
  if (kind < 12) return owner_step(chance, self);
  if (kind < 15) return time_step(chance, self);
  if (kind < 20) return extended_step(chance, self);
  if (kind < 22) return access_step(chance, self);
  if (kind < 25) return truncate_step(chance);
  static const int masks[] = {022, 027, 077, 0};
  int mask = masks[draw(chance, 4)];
  say("  umask(%o) was %o", mask, umask(mask));
}
