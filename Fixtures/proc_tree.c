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

// listed: what the directory says of its kind; -1 if it was not asked, and directories need not count what is below.
static struct stat show(const char *path, const char *shown, int listed) {
  struct stat st;
  if (lstat(path, &st)) {
    say("%s: %s", shown, error_name(errno));
    return (struct stat){0};
  }
  int is_plain = S_ISREG(st.st_mode), type = st.st_mode & S_IFMT;
  const char *opened = "", *got = "";
  if (is_plain && !is_left_out(shown)) {
    char text[64];
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    opened = fd < 0 ? error_name(errno) : "opened";
    if (fd >= 0) got = read(fd, text, sizeof text) < 0 ? error_name(errno) : ", read";
    if (fd >= 0) close(fd);
  }
  say("%s: type %o listed %o mode %o uid %s links %ld size %ld %s%s", shown, type >> 12, listed < 0 ? type >> 12 : listed, st.st_mode & 07777,
      st.st_uid == 0 ? "0" : st.st_uid == geteuid() ? "own" : "other", S_ISDIR(st.st_mode) && (listed < 0 || strstr(path, "/net")) ? -1 : (long)st.st_nlink,
      (long)(S_ISLNK(st.st_mode) || strstr(path, "/self/fd") || strstr(path, "cmdline") || strstr(path, "config.gz") ? -1 : st.st_size), opened,
      got);
  return st;
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
    struct stat st = show(child, child_shown, entries[i]->d_type);
    if (S_ISDIR(st.st_mode) && depth < 8 && is_entered(child_shown)) walk(child, child_shown, depth + 1);
    free(entries[i]);
  }
  free(entries);
}

// What no kernel lacks, as far as it is not a setting of the network.
static void show_usual(void) {
  static const char *const names[] = {
    "cmdline", "cpuinfo", "devices", "filesystems", "loadavg", "meminfo", "mounts", "net", "self", "stat", "swaps", "sys", "thread-self", "uptime",
    "version", "vmstat", "missing", "self/auxv", "self/cmdline", "self/comm", "self/cwd", "self/environ", "self/exe", "self/limits", "self/maps",
    "self/mountinfo", "self/mounts", "self/ns", "self/ns/pid", "self/oom_score", "self/root", "self/smaps", "self/stat", "self/statm", "self/status",
    "self/task", "sys/fs", "sys/fs/aio-max-nr", "sys/fs/dentry-state", "sys/fs/file-max", "sys/fs/file-nr", "sys/fs/inode-nr", "sys/fs/inode-state",
    "sys/fs/inotify", "sys/fs/inotify/max_user_watches", "sys/fs/nr_open", "sys/fs/pipe-max-size", "sys/fs/protected_symlinks", "sys/kernel",
    "sys/kernel/cap_last_cap", "sys/kernel/core_pattern", "sys/kernel/hostname", "sys/kernel/msgmax", "sys/kernel/ngroups_max", "sys/kernel/osrelease",
    "sys/kernel/ostype", "sys/kernel/overflowuid", "sys/kernel/pid_max", "sys/kernel/random", "sys/kernel/random/boot_id", "sys/kernel/random/uuid",
    "sys/kernel/randomize_va_space", "sys/kernel/sem", "sys/kernel/shmmax", "sys/kernel/tainted", "sys/kernel/threads-max", "sys/kernel/version",
    "sys/vm", "sys/vm/max_map_count", "sys/vm/mmap_min_addr", "sys/vm/overcommit_memory", "sys/vm/swappiness"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[128], shown[160];
    snprintf(path, sizeof path, "/proc/%s", names[i]);
    snprintf(shown, sizeof shown, "usual: %s", path);
    show(path, shown, -1);
  }
}

int main(void) {
  walk("/proc", "/proc", 0);
  walk("/proc/self", "/proc/self", 1);
  show_usual();
}
