// Reads and makes files outside of the sources: by links, races of links, descriptors' parents, /proc, every device.
// natively: escapes
#include "attack.h"
#include <linux/openat2.h>

static void judge(const char *path) {
  int fd = open(path, O_RDONLY | O_NONBLOCK);
  if (fd >= 0 && reads_secret(fd)) escaped("%s is readable", path);
  close(fd);
  char empty[PATH_MAX];
  (void)empty;
}

static const char *volatile link_targets[2];

static void *swap_links(void *argument) {
  volatile bool *stop = argument;
  for (unsigned i = 0; !*stop; i++) {
    symlink(link_targets[i & 1], "race/new");
    rename("race/new", "race/component");
    if (i % 3 == 0) {
      unlink("race/component");
      mkdir("race/component", 0755);
      rmdir("race/component");
    }
  }
  return NULL;
}

int main(void) {
  judge(outside("secret"));
  char path[PATH_MAX * 2];
  const char *prefixes[] = {"/proc/self/root", "/proc/1/root", "/proc/1/cwd", "/proc/self/cwd/../../../../../..", "/proc/self/task/1/root",
                            "/proc/thread-self/root/..", "/proc/self/fd/0/..", "/dev/fd/..", "/proc/skeleton/..", "/proc/store/.."};
  for (unsigned i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
    snprintf(path, sizeof path, "%s%s", prefixes[i], outside("secret"));
    judge(path);
  }
  // A link at every place, and chains of them; names above the root.
  symlink(outside(""), "to-outside");
  symlink("/", "to-root");
  symlink("../../../../../../../..", "up-and-up");
  judge("to-outside/secret");
  snprintf(path, sizeof path, "to-root%s", outside("secret"));
  judge(path);
  snprintf(path, sizeof path, "up-and-up%s", outside("secret"));
  judge(path);
  open("to-outside/empty/made", O_CREAT | O_WRONLY, 0644);
  mkdir("to-outside/empty/directory", 0755);
  rename("data/hello.txt", "to-outside/empty/hello");
  link("data/numbers.txt", "to-outside/empty/linked");
  // From every descriptor upwards.
  const char *places[] = {"/", ".", "/tmp", "/dev", "/dev/pts", "/dev/shm", "/proc", "/proc/self", "/proc/self/fd", "/usr/bin", "/etc"};
  for (unsigned i = 0; i < sizeof places / sizeof *places; i++)
    for (int flags = 0; flags < 2; flags++) {
      int fd = open(places[i], (flags ? O_PATH : O_RDONLY) | O_DIRECTORY);
      snprintf(path, sizeof path, "../../../../../../../../../..%s", outside("secret"));
      int secret = openat(fd, path, O_RDONLY);
      if (secret >= 0 && reads_secret(secret)) escaped("from %s upwards", places[i]);
      struct open_how how = {.flags = O_RDONLY, .resolve = 0};
      secret = (int)syscall(SYS_openat2, fd, path, &how, sizeof how);
      if (secret >= 0 && reads_secret(secret)) escaped("from %s upwards with openat2", places[i]);
      if (fd >= 0 && fchdir(fd) == 0) judge(path + 3 * 9 + 2);
      NEEDS(chdir(given("ATTACK_WORK")) == 0);
      close(fd);
    }
  // Every component is a directory one moment and a link the next.
  NEEDS(mkdir("race", 0755) == 0);
  link_targets[0] = ".";
  link_targets[1] = strdup(outside("."));
  volatile bool stop = false;
  pthread_t thread;
  NEEDS(pthread_create(&thread, NULL, swap_links, (void *)&stop) == 0);
  for (double end = now() + patience() * 2; now() < end;) {
    judge("race/component/secret");
    judge("race/component/../secret");
    judge("race/component/component/secret");
    int fd = open("race/component/empty/made", O_CREAT | O_WRONLY, 0644);
    close(fd);
    mkdir("race/component/empty/made-directory", 0755);
    rename("race/component/secret", "stolen");
    link("race/component/secret", "stolen-too");
    if (chdir("race/component") == 0) judge("secret");
    NEEDS(chdir(given("ATTACK_WORK")) == 0);
    execve("race/component/program", (char *[]){"x", NULL}, (char *[]){NULL});
  }
  stop = true;
  pthread_join(thread, NULL);
  judge("stolen");
  judge("stolen-too");
  // The host's devices and the kernel's switches.
  const char *files[] = {"/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/dev/loop-control", "/dev/loop0",
                         "/dev/input/event0", "/dev/tty0", "/dev/tty1", "/dev/console", "/dev/vsock", "/dev/vhost-net", "/dev/uinput", "/dev/btrfs-control",
                         "/proc/sysrq-trigger", "/proc/kcore", "/proc/kmsg", "/proc/kallsyms", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/ns_last_pid",
                         "/proc/sys/fs/binfmt_misc/register", "/proc/sys/vm/drop_caches", "/proc/self/oom_score_adj", "/proc/self/uid_map", "/proc/self/setgroups",
                         "/proc/bus/pci", "/proc/acpi", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/scsi/scsi", "/proc/self/attr/current",
                         "/sys/kernel", "/sys/fs/cgroup/cgroup.procs", "/sys/power/state", "/sys/devices/system/cpu/cpu1/online",
                         "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "/run/docker.sock", "/run/systemd/private", "/etc/shadow"};
  struct stat st;
  for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
    int fd = open(files[i], O_WRONLY | O_NONBLOCK);
    // A copy of what may be read is a file of the run's own.
    if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) && strcmp(files[i], "/dev/console")) escaped("%s is open for writing", files[i]);
    close(fd);
  }
  return verdict();
}
