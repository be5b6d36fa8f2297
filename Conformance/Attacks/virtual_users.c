// Becomes root of the guest again after its ids were dropped: by ids, capabilities, the timer slack, threads, execs, tracers, descriptors.
#include "attack.h"
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/ptrace.h>

// Belongs to who is root here or to nobody that exists, and can be read by its owner alone.
static const char *forbidden = "data/foreign/private";

static void look(const char *how) {
  int fd = open(forbidden, O_RDONLY);
  if (fd >= 0) escaped("%s", how);
  close(fd);
}

static void *look_in_thread(void *argument) {
  look(argument);
  return NULL;
}

static void look_everywhere(char *how) {
  look(how);
  pthread_t thread;
  if (pthread_create(&thread, NULL, look_in_thread, how) == 0) pthread_join(thread, NULL);
  IN_CHILD {
    look(how);
    IN_CHILD look(how);
    execl("/bin/sh", "sh", "-c", "exec 2>/dev/null; cat data/foreign/private", NULL);
  }
  if (WIFEXITED(child_status) && WEXITSTATUS(child_status) == 0) escaped("%s, after an execve", how);
}

int main(void) {
  if (getuid() == 0) {
    NEEDS(setresgid(54321, 54321, 54321) == 0 && setresuid(54321, 54321, 54321) == 0);
  }
  look_everywhere("as it is");
  for (int i = 0; i < 2; i++) {
    setuid(i ? 12345 : 0), setresuid(0, 0, 0), setreuid(0, 0), seteuid(0), setfsuid(0), setgid(0);
    syscall(SYS_setgroups, 1, &(gid_t){0});
    look_everywhere("by its ids");
  }
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct all[2] = {{-1u, -1u, -1u}, {-1u, -1u, -1u}};
  syscall(SYS_capset, &header, all);
  for (int capability = 0; capability < 41; capability++) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
  prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  prctl(PR_SET_SECUREBITS, 0, 0, 0, 0);
  look_everywhere("by capabilities");
  // What marks a thread's user is a number in the kernel that a thread may set for itself.
  static const unsigned long slacks[] = {0, 1, 49999, 50000, 50001, 50002, 50003, 50010, 100000, 1ul << 32, -1ul};
  char how[100];
  for (unsigned i = 0; i < sizeof slacks / sizeof *slacks; i++) IN_CHILD {
    snprintf(how, sizeof how, "by prctl(PR_SET_TIMERSLACK, %lu)", slacks[i]);
    prctl(PR_SET_TIMERSLACK, slacks[i], 0, 0, 0);
    syscall(SYS_prctl, PR_SET_TIMERSLACK | 0xffffffff00000000ul, slacks[i]);
    look_everywhere(how);
  }
  const char *files[] = {"/proc/self/timerslack_ns", "/proc/thread-self/timerslack_ns", "/proc/self/task/self/timerslack_ns"};
  for (unsigned f = 0; f < 3; f++)
    for (unsigned i = 0; i < sizeof slacks / sizeof *slacks; i++) IN_CHILD {
      int fd = open(files[f], O_WRONLY);
      if (fd < 0) fd = open(files[f], O_RDWR);
      if (fd < 0) _exit(0);
      dprintf(fd, "%lu", slacks[i]);
      close(fd);
      snprintf(how, sizeof how, "by %lu in %s", slacks[i], files[f]);
      look_everywhere(how);
    }
  IN_CHILD {
    // A real-time thread has no slack, and gets the first one back when it is none any more.
    for (int policy = 0; policy < 8; policy++) {
      sched_setscheduler(0, policy, &(struct sched_param){.sched_priority = 1});
      look("as a real-time thread");
      sched_setscheduler(0, policy, &(struct sched_param){0});
      look_everywhere("by a change of the scheduling policy");
    }
  }
  // An orphan: who its parent was is not known any more.
  IN_CHILD {
    if (fork() == 0) {
      usleep(50000);
      look_everywhere("as an orphan");
    }
  }
  for (int way = 0; way < 2; way++) {
    pid_t pid = way ? vfork() : fork();
    if (pid == 0) {
      int fd = open(forbidden, O_RDONLY);
      _exit(fd >= 0);
    }
    int status;
    if (waitpid(pid, &status, 0) == pid && status) escaped("after %s", way ? "vfork" : "fork");
  }
  usleep(100000);
  return verdict();
}
