// Every name in /proc that is not another process's: type, mode, owner, size, links, and whether it can be opened and read.
// calls: getdents64 newfstatat openat readlink
#include "observe.h"

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int is_number(const char *text) { return text[strspn(text, "0123456789")] == 0; }

// Hardware and file systems of the machine, and what depends on the interfaces of a network.
static int is_entered(const char *path) {
  static const char *const names[] = {"acpi", "asound", "bus", "driver", "dynamic_debug", "fs", "irq", "scsi", "tty/driver", "self/map_files", "sys/dev",
                                      "sys/net/bridge", "sys/net/netfilter", "sys/fs/binfmt_misc"};
  for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
    if (!strcmp(path + strlen("/proc/"), names[i])) return 0;
  const char *last = strrchr(path, '/'), *parent = strstr(path, "/conf/") ? strstr(path, "/conf/") : strstr(path, "/neigh/");
  return !parent || strchr(parent + 1, '/') != last || !strcmp(last, "/lo") || !strcmp(last, "/all") || !strcmp(last, "/default");
}

// Files whose reading waits, costs seconds, or changes what they say.
static int is_left_out(const char *path) {
  static const char *const names[] = {"/proc/kmsg", "/proc/kcore", "/proc/kpage", "/proc/self/mem", "/proc/self/pagemap", "/proc/config.gz",
                                      "/proc/sysrq-trigger", "/proc/self/task/T/mem", "/proc/self/task/T/pagemap", "/proc/vmallocinfo"};
  for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
    if (!strncmp(path, names[i], strlen(names[i]))) return 1;
  return 0;
}

static void walk(const char *path, const char *shown, int depth) {
  struct dirent **entries;
  int count = scandir(path, &entries, NULL, by_name);
  if (count < 0) {
    say("%s cannot be listed: %s", shown, error_name(errno));
    return;
  }
  for (int i = 0; i < count; i++) {
    const char *name = entries[i]->d_name;
    char child[PATH_MAX], child_shown[PATH_MAX];
    if (!strcmp(name, ".") || !strcmp(name, "..") || (depth == 0 && is_number(name))) continue;
    snprintf(child, sizeof child, "%s/%s", path, name);
    int is_task = !strcmp(shown, "/proc/self/task");
    snprintf(child_shown, sizeof child_shown, "%s/%s", shown, is_task ? "T" : name);
    struct stat st;
    if (lstat(child, &st)) {
      say("%s: %s", child_shown, error_name(errno));
      continue;
    }
    int is_plain = S_ISREG(st.st_mode), type = st.st_mode & S_IFMT;
    const char *opened = "", *got = "";
    if (is_plain && !is_left_out(child_shown)) {
      char text[64];
      int fd = open(child, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
      opened = fd < 0 ? error_name(errno) : "opened";
      if (fd >= 0) got = read(fd, text, sizeof text) < 0 ? error_name(errno) : ", read";
      if (fd >= 0) close(fd);
    }
    say("%s: type %o listed %o mode %o uid %s links %ld size %ld %s%s", child_shown, type >> 12, entries[i]->d_type, st.st_mode & 07777,
        st.st_uid == 0 ? "0" : st.st_uid == geteuid() ? "own" : "other", S_ISDIR(st.st_mode) && strstr(child, "/net") ? -1 : (long)st.st_nlink,
        (long)(S_ISLNK(st.st_mode) || strstr(child, "/self/fd") || strstr(child, "cmdline") || strstr(child, "config.gz") ? -1 : st.st_size), opened,
        got);
    if (S_ISDIR(st.st_mode) && depth < 8 && is_entered(child_shown)) walk(child, child_shown, depth + 1);
    free(entries[i]);
  }
  free(entries);
}

int main(void) {
  walk("/proc", "/proc", 0);
  walk("/proc/self", "/proc/self", 1);
}
