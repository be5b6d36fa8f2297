// The tree: how it begins, and what it looks like.
#include "model.h"
#include <dirent.h>
#include <sys/xattr.h>

static void set_old_time(const char *path) {
  struct timespec times[2] = {{1000000000, 0}, {1000000000, 5}};
  utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

static void make_file(struct chance *chance, const char *path) {
  static const int modes[] = {0644, 0644, 0644, 0600, 0755, 0444, 0664, 04755, 02755, 0666};
  static char bytes[300000];
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return;
  uint64_t kind = draw(chance, 12);
  size_t length = kind < 6 ? draw(chance, 200) : kind < 10 ? draw(chance, 20000) : kind < 11 ? 270000 + draw(chance, 1000) : 0;
  fill_bytes(chance, bytes, length);
  if (length > 0 && write(fd, bytes, length) < 0) say("cannot write");
  // With a hole, and something behind it.
  if (draw(chance, 6) == 0 && pwrite(fd, bytes, 100, 65536 + length) < 0) say("cannot write");
  if (draw(chance, 4) == 0) fsetxattr(fd, "user.a", bytes, draw(chance, 50), 0);
  if (draw(chance, 8) == 0) fsetxattr(fd, "user.bb", "value", 5, 0);
  fchmod(fd, modes[draw(chance, sizeof modes / sizeof modes[0])] & (getuid() ? 01777 : 07777));
  close(fd);
}

static void fill_directory(struct chance *chance, const char *path, int depth, char *any) {
  static const int modes[] = {0755, 0755, 0755, 0775, 0700, 02775, 01777};
  static const char *const targets[] = {"a", "b", "../a", "c/d", "./e", "..", "nowhere", "d/../a", "loop", "b/", "."};
  int names = 3 + draw(chance, 5);
  for (int i = 0; i < names; i++) {
    char name[path_size];
    if (draw(chance, 10)) sprintf(name, "%s/%c", path, (int)('a' + i));
    else if (draw(chance, 3)) sprintf(name, "%s/n\xff\xfe", path);
    else sprintf(name, "%s/%0255d", path, 0), memset(name + strlen(path) + 1, 'L', 255);
    uint64_t kind = draw(chance, 20);
    if (kind < 8 && depth < 4) {
      if (mkdir(name, 0755) < 0) continue;
      fill_directory(chance, name, depth + 1, any);
      if (draw(chance, 4) == 0) setxattr(name, "user.dir", "of the directory", 16, 0);
      chmod(name, modes[draw(chance, sizeof modes / sizeof modes[0])]);
    } else if (kind < 15) {
      make_file(chance, name);
      if (!any[0] || draw(chance, 3) == 0) strcpy(any, name);
    } else if (kind < 17) {
      if (symlink(targets[draw(chance, sizeof targets / sizeof targets[0])], name) < 0) continue;
    } else if (kind < 19) {
      // When all names of a lower file that were looked up are gone, the others show the lower file again, as in overlayfs:
      // no second names where nothing is looked at first.
      if (!any[0] || model.seed % 2 || link(any, name) < 0) make_file(chance, name);
    } else {
      mkfifo(name, 0644);
    }
    set_old_time(name);
  }
  set_old_time(path);
}

void prepare_tree(void) {
  struct chance chance = chance_of(model.seed, 3, 0);
  char any[path_size] = "";
  mkdir("g", 0755), mkdir("g/g", 0755), mkdir("g/g/g", 0755), mkdir("g/g/g/g", 0755);
  mkdir("g/g/g/g/g", 0755), mkdir("g/g/g/g/g/g", 0755);
  fill_directory(&chance, "g/g/g/g/g/g", 0, any);
  set_old_time("g/g/g/g/g"), set_old_time("g/g/g/g"), set_old_time("g/g/g"), set_old_time("g/g"), set_old_time("g");
  set_old_time(".");
}

static int compare_names(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

// The names with their types after a NUL, sorted; -1 and errno.
int list_names(int fd, char ***names) {
  static char buffer[32768];
  int count = 0;
  ssize_t length;
  *names = NULL;
  if (lseek(fd, 0, SEEK_SET) < 0) return -1;
  while ((length = getdents64(fd, buffer, sizeof buffer)) > 0) {
    for (ssize_t at = 0; at < length;) {
      struct dirent64 *entry = (void *)(buffer + at);
      at += entry->d_reclen;
      if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
      size_t size = strlen(entry->d_name) + 1;
      *names = realloc(*names, (count + 1) * sizeof **names);
      (*names)[count] = malloc(size + 1);
      memcpy((*names)[count], entry->d_name, size);
      (*names)[count++][size] = entry->d_type;
    }
  }
  if (length < 0) {
    int error = errno;
    free_names(*names, count);
    errno = error;
    return -1;
  }
  qsort(*names, count, sizeof **names, compare_names);
  return count;
}

void free_names(char **names, int count) {
  for (int i = 0; i < count; i++) free(names[i]);
  free(names);
}

void show_listing(int fd) {
  char **names;
  int count = list_names(fd, &names);
  if (count < 0) {
    say("  listing: %s", error_name(errno));
    return;
  }
  for (int i = 0; i < count; i++) say("  %s type %d", quote_path(names[i]), names[i][strlen(names[i]) + 1]);
  free_names(names, count);
}

// A FIFO's live end is not the file in the layer, so what goes through it leaves no time there.
static const char *show_modified(const struct stat *status) {
  return S_ISFIFO(status->st_mode) ? "-" : show_time(status->st_mtim);
}

static const char *type_name(mode_t mode) {
  switch (mode & S_IFMT) {
  case S_IFREG: return "file";
  case S_IFDIR: return "dir";
  case S_IFLNK: return "link";
  case S_IFIFO: return "fifo";
  case S_IFSOCK: return "socket";
  default: return "other";
  }
}

void show_attributes(const char *label, const struct stat *status) {
  bool is_directory = S_ISDIR(status->st_mode);
  long links = is_directory && model.is_merged ? 0 : (long)status->st_nlink;
  say("  %s: %s %04o links %ld owner %d:%d size %lld modified %s", label, type_name(status->st_mode),
      status->st_mode & 07777, links, (int)status->st_uid, (int)status->st_gid,
      is_directory ? 0LL : (long long)status->st_size, show_modified(status));
}

static void append_xattrs(const char *path, char *text) {
  char names[4096], value[4096], *list[64];
  ssize_t length = llistxattr(path, names, sizeof names);
  if (length < 0) {
    sprintf(text, "%s", error_name(errno));
    return;
  }
  int count = 0;
  for (char *name = names; name < names + length && count < 64; name += strlen(name) + 1)
    if (!strncmp(name, "user.", 5)) list[count++] = name;
  qsort(list, count, sizeof list[0], compare_names);
  text[0] = 0;
  for (int i = 0; i < count; i++) {
    ssize_t size = lgetxattr(path, list[i], value, sizeof value);
    if (size < 0) text += sprintf(text, "%s=%s,", list[i], error_name(errno));
    else text += sprintf(text, "%s=%08x,", quote_path(list[i]), hash_bytes(0, value, size));
  }
}

static void describe_contents(const char *path, char *text) {
  static char buffer[65536];
  uint32_t hash = 0;
  ssize_t length;
  int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    strcpy(text, error_name(errno));
    return;
  }
  while ((length = read(fd, buffer, sizeof buffer)) > 0) hash = hash_bytes(hash, buffer, length);
  if (length < 0) strcpy(text, error_name(errno));
  else sprintf(text, "%08x", hash);
  close(fd);
}

// Which name of a file came first, for files of several names.
struct seen {
  dev_t device;
  ino_t inode;
  char *path;
};
static struct seen *seen;
static int seen_count;

static const char *first_name(const struct stat *status, const char *path) {
  for (int i = 0; i < seen_count; i++)
    if (seen[i].device == status->st_dev && seen[i].inode == status->st_ino) return seen[i].path;
  seen = realloc(seen, (seen_count + 1) * sizeof *seen);
  seen[seen_count++] = (struct seen){status->st_dev, status->st_ino, strdup(path)};
  return path;
}

// A line per file, tab separated, for people and for the checker of the run's layer.
static void dump(const char *path) {
  struct stat status;
  char contents[path_size * 2] = "-", xattrs[path_size] = "-";
  if (lstat(path, &status) < 0) {
    say("tree\t%s\t%s", quote_path(path), error_name(errno));
    return;
  }
  if (S_ISREG(status.st_mode)) describe_contents(path, contents);
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) append_xattrs(path, xattrs);
  if (S_ISLNK(status.st_mode)) {
    char target[path_size];
    ssize_t length = readlink(path, target, sizeof target);
    strcpy(contents, length < 0 ? error_name(errno) : quote(target, length));
  }
  bool is_directory = S_ISDIR(status.st_mode);
  // The first name may be that of a directory only if it is seen twice, and then something is wrong.
  const char *first = first_name(&status, path);
  say("tree\t%s\t%s\t%04o\t%ld\t%d:%d\t%lld\t%s\t%s\t%s\t%s", quote_path(path), type_name(status.st_mode),
      status.st_mode & 07777, is_directory && model.is_merged ? 0 : (long)status.st_nlink, (int)status.st_uid,
      (int)status.st_gid, is_directory ? 0LL : (long long)status.st_size, show_modified(&status),
      first == path || !strcmp(first, path) ? "-" : quote_path(first), contents, xattrs);
  if (!is_directory) return;
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  char **names;
  int count = fd < 0 ? -1 : list_names(fd, &names);
  if (count < 0) say("tree\t%s\t%s", quote_path(path), error_name(errno));
  if (fd >= 0) close(fd);
  for (int i = 0; i < count; i++) {
    char child[path_size * 2];
    snprintf(child, sizeof child, "%s/%s", path, names[i]);
    dump(child);
  }
  if (count >= 0) free_names(names, count);
}

void dump_tree(int step) {
  say("dump %d", step);
  if (chdir(model.top) < 0) say("no way to the top: %s", error_name(errno));
  dump(".");
  if (chdir(model.base) < 0) say("no way to the base: %s", error_name(errno));
  for (int i = 0; i < seen_count; i++) free(seen[i].path);
  free(seen);
  seen = NULL;
  seen_count = 0;
}
