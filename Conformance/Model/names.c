// Operations on names.
#include "model.h"
#include <sys/socket.h>
#include <sys/syscall.h>

static void rename_step(struct chance *chance, int self) {
  static const char *const names[] = {"", ", NOREPLACE", ", EXCHANGE", ", NOREPLACE|EXCHANGE"};
  char from[path_size], to[path_size], from_directory[32], to_directory[32];
  make_path(chance, from);
  make_path(chance, to);
  int a = pick_directory(chance, self, from_directory), b = pick_directory(chance, self, to_directory);
  int flags = draw(chance, 3) ? 0 : draw(chance, 10) ? 1 + (int)draw(chance, 2) : 3;
  // With two things wrong the order in which Linux finds them is not promised: that name is tried elsewhere.
  if (strstr(from, "MMM") || strstr(to, "MMM")) return;
  int result = syscall(SYS_renameat2, a, from, b, to, flags);
  RESULT("  rename(%s%s, %s%s%s)", from_directory, quote_path(from), to_directory, quote_path(to), names[flags]);
}

static void link_step(struct chance *chance, int self) {
  char from[path_size], to[path_size], from_directory[32], to_directory[32];
  make_path(chance, from);
  make_path(chance, to);
  int a = pick_directory(chance, self, from_directory), b = pick_directory(chance, self, to_directory);
  uint64_t kind = draw(chance, 8);
  if (kind < 2) {
    struct slot *slot = pick_slot(chance, self);
    char link[64];
    sprintf(link, "/proc/self/fd/%d", slot->fd);
    int result = linkat(AT_FDCWD, link, b, to, AT_SYMLINK_FOLLOW);
    RESULT("  link(slot %d, %s%s)", (int)(slot - model.state->workers[self].slots), to_directory, quote_path(to));
  } else {
    int result = linkat(a, from, b, to, kind == 2 ? AT_SYMLINK_FOLLOW : 0);
    RESULT("  link(%s%s, %s%s%s)", from_directory, quote_path(from), to_directory, quote_path(to), kind == 2 ? ", FOLLOW" : "");
  }
}

static void make_step(struct chance *chance, int self, int kind) {
  static const char *const targets[] = {"a", "b", "../a", "c/d", "./e", "..", "nowhere", "d/../a", "b/", ".", "a/b/../../c", "",
      "b//c", "n\xff\xfe"};
  static const int modes[] = {0755, 0777, 0700, 02775, 01777, 0750};
  static const int types[] = {S_IFIFO, S_IFREG, S_IFSOCK, 0};
  char path[path_size], directory[32];
  make_path(chance, path);
  int at = pick_directory(chance, self, directory);
  if (kind == 0) {
    int mode = modes[draw(chance, 6)], result = mkdirat(at, path, mode);
    RESULT("  mkdir(%s%s, %o)", directory, quote_path(path), mode);
  } else if (kind == 1) {
    const char *target = targets[draw(chance, sizeof targets / sizeof targets[0])];
    char absolute[path_size];
    if (draw(chance, 12) == 0) target = strcat(strcat(strcpy(absolute, model.base), "/"), "a");
    int result = symlinkat(target, at, path);
    RESULT("  symlink(%s, %s%s)", quote_path(target), directory, quote_path(path));
  } else {
    int type = types[draw(chance, 4)], result = mknodat(at, path, type | 0644, 0);
    RESULT("  mknod(%s%s, %#x)", directory, quote_path(path), type);
  }
}

// A new branch, for the other steps take away more than they give.
static void grow_step(struct chance *chance) {
  char path[path_size];
  make_path(chance, path);
  int made = 0;
  for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
    *slash = 0;
    made += mkdir(path, 0755) == 0;
    *slash = '/';
  }
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), error = errno;
  if (fd >= 0 && write(fd, path, 10) < 0) say("  cannot write");
  if (fd >= 0) close(fd);
  say("  grow %s: %d directories, %s", quote_path(path), made, fd < 0 ? error_name(error) : "a file");
}

static void remove_step(struct chance *chance, int self) {
  char path[path_size], directory[32];
  make_path(chance, path);
  int at = pick_directory(chance, self, directory);
  int flags = draw(chance, 3) ? 0 : AT_REMOVEDIR, result = unlinkat(at, path, flags);
  RESULT("  %s(%s%s)", flags ? "rmdir" : "unlink", directory, quote_path(path));
}

static void read_link_step(struct chance *chance, int self) {
  char path[path_size], target[path_size], directory[32];
  make_path(chance, path);
  int at = pick_directory(chance, self, directory);
  if (draw(chance, 2)) {
    ssize_t result = readlinkat(at, path, target, sizeof target);
    RESULT("  readlink(%s%s) %s", directory, quote_path(path), result < 0 ? "" : quote(target, result));
    return;
  }
  struct slot *slot = pick_slot(chance, self);
  struct stat status;
  // A file may have had several names, and then it is any.
  if (fstat(slot->fd, &status) < 0 || !S_ISDIR(status.st_mode)) return;
  sprintf(path, "/proc/self/fd/%d", slot->fd);
  ssize_t result = readlink(path, target, sizeof target);
  RESULT("  path of slot %d: %s", (int)(slot - model.state->workers[self].slots), result < 0 ? "" : quote(target, result));
}

// Not beyond the base: step by step the workers would leave the tree.
static void stay_inside(int old) {
  char path[path_size];
  if (!getcwd(path, sizeof path)) {
    say("  getcwd: %s", error_name(errno));
    if (chdir(model.base) < 0) say("  no way back");
    return;
  }
  if (strncmp(path, model.base, strlen(model.base)) != 0) {
    say("  outside");
    if (fchdir(old) < 0) say("  no way back");
  } else {
    say("  now in %s", quote_path(path));
  }
}

static void change_directory_step(struct chance *chance, int self) {
  char path[path_size];
  make_path(chance, path);
  int old = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;
  uint64_t kind = draw(chance, 4);
  if (kind == 0) {
    result = chdir(model.base);
    RESULT("  chdir(%s)", "the base");
  } else if (kind == 1) {
    struct slot *slot = pick_slot(chance, self);
    result = fchdir(slot->fd);
    RESULT("  fchdir(slot %d)", (int)(slot - model.state->workers[self].slots));
  } else {
    result = chdir(path);
    RESULT("  chdir(%s)", quote_path(path));
  }
  if (result == 0) stay_inside(old);
  if (old >= 0) close(old);
}

static void list_step(struct chance *chance, int self) {
  char path[path_size], directory[32];
  make_path(chance, path);
  int at = pick_directory(chance, self, directory), fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  say("  list %s%s%s%s", directory, quote_path(path), fd < 0 ? " = " : "", fd < 0 ? error_name(errno) : "");
  if (fd < 0) return;
  show_listing(fd);
  close(fd);
}

void name_step(struct chance *chance, int self, int kind) {
  if (kind < 9) return rename_step(chance, self);
  if (kind < 13) return link_step(chance, self);
  if (kind < 17) return make_step(chance, self, 0);
  if (kind < 19) return make_step(chance, self, 1);
  if (kind < 20) return make_step(chance, self, 2);
  if (kind < 25) return remove_step(chance, self);
  if (kind < 29) return grow_step(chance);
  if (kind < 32) return read_link_step(chance, self);
  if (kind < 35) return change_directory_step(chance, self);
  list_step(chance, self);
}
