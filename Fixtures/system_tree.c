// /sys: what programs ask of processors and memory, and that nothing can be made there.
// calls: getdents64 openat readlink stat statfs
#include "observe.h"
#include <sys/statfs.h>

static void show(const char *path) {
  char target[256];
  struct stat st;
  if (lstat(path, &st) < 0) {
    say("%s: %s", path, error_name(errno));
  } else if (S_ISLNK(st.st_mode)) {
    ssize_t length = readlink(path, target, sizeof target);
    say("%s -> %s", path, quote(target, length < 0 ? 0 : length));
  } else if (S_ISDIR(st.st_mode)) {
    say("%s: directory %o", path, st.st_mode & 07777);
  } else {
    say_stat(path, &st);
    show_file(path);
  }
}

static void under(const char *directory, const char *const *names) {
  char path[256];
  for (; *names; names++) {
    snprintf(path, sizeof path, "%s/%s", directory, *names);
    show(path);
  }
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

int main(void) {
  struct statfs fs;
  SHOW(statfs("/sys", &fs));
  say("type %lx", (long)fs.f_type);
  under("/sys", NAMES("", "block", "bus", "class", "dev", "devices", "fs", "kernel", "module", "missing"));
  under("/sys/devices/system/cpu", NAMES("online", "possible", "present", "offline", "kernel_max", "isolated", "smt/active",
                                         "smt/control", "missing"));
  for (int cpu = 0; cpu < sysconf(_SC_NPROCESSORS_CONF) && cpu < 4; cpu++) {
    char directory[128];
    snprintf(directory, sizeof directory, "/sys/devices/system/cpu/cpu%d/topology", cpu);
    under(directory, NAMES("core_id", "physical_package_id", "die_id", "thread_siblings", "thread_siblings_list",
                           "core_cpus_list", "package_cpus", "core_siblings_list"));
    for (int index = 0; index < 5; index++) {
      snprintf(directory, sizeof directory, "/sys/devices/system/cpu/cpu%d/cache/index%d", cpu, index);
      under(directory, NAMES("level", "type", "size", "shared_cpu_list", "shared_cpu_map", "coherency_line_size",
                             "number_of_sets", "ways_of_associativity", "id"));
    }
    snprintf(directory, sizeof directory, "/sys/bus/cpu/devices/cpu%d", cpu);
    show(directory);
    show_directory(strcat(directory, "/topology"));
  }
  show_directory("/sys/devices/system/cpu/vulnerabilities");
  under("/sys/devices/system/node", NAMES("online", "possible", "has_cpu", "has_memory", "node0/cpulist", "node0/cpumap",
                                          "node0/distance", "node0/cpu0"));
  under("/sys/kernel/mm/transparent_hugepage", NAMES("enabled", "defrag", "hpage_pmd_size", "shmem_enabled"));
  under("/sys/kernel/mm/hugepages", NAMES("hugepages-2048kB/nr_hugepages", "hugepages-2048kB/free_hugepages"));
  under("/sys/class/net/lo", NAMES("address", "mtu", "type", "flags", "ifindex"));
  show("/sys/class/net/lo");
  say("processors %ld %ld", sysconf(_SC_NPROCESSORS_CONF), sysconf(_SC_NPROCESSORS_ONLN));
  say("caches %ld %ld", sysconf(_SC_LEVEL1_DCACHE_SIZE), sysconf(_SC_LEVEL2_CACHE_SIZE));
  int fd = SHOW(open("/sys/devices/system/cpu/online", O_RDONLY));
  char first[64], second[64];
  ssize_t one = read(fd, first, sizeof first);
  SHOW(read(fd, second, sizeof second));
  SHOW(lseek(fd, 0, SEEK_SET));
  say("again %d", read(fd, second, sizeof second) == one && !memcmp(first, second, one));
  SHOW(lseek(fd, 0, SEEK_END));
  SHOW(write(fd, "x", 1));
}
