// Pid 2 of the guest, from fork to exec of the command.
#include "guest.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int write_map(int proc, const char *name, const char *text) {
  char path[32];
  snprintf(path, sizeof path, "self/%s", name);
  int file = openat(proc, path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -1;
  int result = write(file, text, strlen(text)) < 0 ? -1 : 0;
  close(file);
  return result;
}

// Guest init keeps root's privileges for the mounts that it makes; the guest has none, and a user namespace in which the kernel counts
// what it takes. The mounts stay those of the one outside, which the guest could not unmount even with all capabilities of its own. Where
// none can be made (user.max_user_namespaces), the guest is as contained, and only not counted.
static void enter_user_namespace(const struct uwrx_launch *launch, int events, int proc) {
  if (unshare(CLONE_NEWUSER)) return;
  if (write_map(proc, "setgroups", "deny") || write_map(proc, "uid_map", "0 0 1") || write_map(proc, "gid_map", "0 0 1"))
    uwrx_fail(events, "map root into its user namespace");
  uwrx_write_settings(proc, launch->user_settings);
}

// All but CAP_SYS_CHROOT, by which the kernel itself goes by the root that a process of the guest has chosen. It gives nothing else: the
// roots that there are lie in the skeleton, and what it may be used for besides needs other capabilities (setns(2)) and is refused.
static void drop_capabilities(int events) {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int capability = 0; capability <= 63; capability++)
    if (capability != CAP_SYS_CHROOT && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) && errno != EINVAL)
      uwrx_fail(events, "drop the bounding set");
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  uint32_t kept = 1U << CAP_SYS_CHROOT;
  struct __user_cap_data_struct sets[2] = {{.effective = kept, .permitted = kept, .inheritable = kept}};
  // Ambient, since exec would else take it from whoever is not root to the kernel.
  if (syscall(SYS_capset, &header, sets) || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_CHROOT, 0, 0))
    uwrx_fail(events, "drop the capabilities");
}

// A wall behind the filter: whatever the kernel itself makes, removes, renames, truncates or lists by a path for the guest lies
// below the skeleton root. Files that the supervisor hands over are not concerned (landlock(7): the rights of a descriptor are those
// of its opener). Reading and execution are left out, because fexecve(3) opens such a file anew, and it lies on a mount outside;
// writing, because a message queue lies on a mount of its own. A kernel without Landlock has the other walls.
static void confine_paths(int events, int skeleton) {
  long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return;
  uint64_t accesses = (1 << 13) - 1;    // ABI 1: up to LANDLOCK_ACCESS_FS_MAKE_SYM
  if (abi >= 2) accesses |= 1 << 13;    // REFER
  if (abi >= 3) accesses |= 1 << 14;    // TRUNCATE
  if (abi >= 5) accesses |= 1 << 15;    // IOCTL_DEV
  accesses &= ~(uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
  uint64_t handled = accesses; // all that struct landlock_ruleset_attr had in ABI 1
  struct landlock_path_beneath_attr below = {.allowed_access = accesses, .parent_fd = skeleton};
  int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
  if (rules < 0 || syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0) ||
      syscall(SYS_landlock_restrict_self, rules, 0))
    uwrx_fail(events, "confine the guest's paths with Landlock");
  close(rules);
}

// plain: only who was told to outlive its terminal stays so.
static void reset_signals(int plain) {
  for (int signal = 1; signal < 65; signal++) {
    // libc keeps two of them for itself, and a parent's choice with them.
    if (plain && (signal == 32 || signal == 33)) syscall(SYS_rt_sigaction, signal, (unsigned long[4]){0}, NULL, 8);
    struct sigaction action;
    // An ignored signal stays ignored across exec, as nohup(1) needs it.
    if (sigaction(signal, NULL, &action) || (action.sa_handler == SIG_IGN && (!plain || signal == SIGHUP))) continue;
    struct sigaction fresh = {.sa_handler = SIG_DFL};
    sigaction(signal, &fresh, NULL);
  }
}

void uwrx_command_main(const struct uwrx_launch *launch, int events, int proc) {
  // A group of its own: kill(0, ...) reaches the caller's whole group, pid namespace or not.
  if (launch->new_session) setsid();
  else setpgid(0, 0);
  if (launch->terminal >= 0) tcsetpgrp(launch->terminal, getpid()); // SIGTTOU is blocked

  if (launch->umask >= 0) umask((mode_t)launch->umask);
  // A better one than its own the kernel gives only to who may have it.
  if (launch->plain) setpriority(PRIO_PROCESS, 0, 0);
  if (launch->fixed_addresses && personality(ADDR_NO_RANDOMIZE) < 0) uwrx_fail(events, "fix the addresses");
  if (unshare(CLONE_NEWNS)) uwrx_fail(events, "create the command's mount namespace");
  // A slave still receives what guest init binds; pivot_root(2) refuses a shared mount as put_old.
  if (chdir(UWRX_SKELETON) || mount("none", ".", NULL, MS_SLAVE, NULL) || syscall(SYS_pivot_root, ".", ".") ||
      umount2(".", MNT_DETACH) || chdir("/"))
    uwrx_fail(events, "enter the skeleton root");

  for (size_t i = 0; i < launch->limit_count; i++) {
    const struct uwrx_limit *limit = &launch->limits[i];
    if (setrlimit((unsigned)limit->resource, &(struct rlimit){limit->soft, limit->hard})) uwrx_fail(events, "set a resource limit");
  }

  // A directory that the guest is given must be one of this mount namespace, where nothing lies above it: from one
  // of guest init's, `..` would lead to the host.
  int descriptors[2] = {-1, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (descriptors[1] < 0) uwrx_fail(events, "open the skeleton root");
  if (!launch->user_namespace) enter_user_namespace(launch, events, proc);
  drop_capabilities(events);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) uwrx_fail(events, "set no_new_privs");
  confine_paths(events, descriptors[1]);
  if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)) uwrx_fail(events, "become dumpable");
  if (syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */)) uwrx_fail(events, "mark descriptors close-on-exec");
  // All are blocked still.
  reset_signals(launch->plain);

  struct sock_fprog program = {.len = launch->filter_length, .filter = (struct sock_filter *)launch->filter};
  descriptors[0] = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                SECCOMP_FILTER_FLAG_NEW_LISTENER | launch->filter_flags, &program);
  if (descriptors[0] < 0) uwrx_fail(events, "install the seccomp filter");
  struct uwrx_message header = {.operation = UWRX_LISTENER};
  int error = uwrx_send_descriptors(events, &header, "", descriptors, 2, 0);
  if (error) {
    header = (struct uwrx_message){.operation = UWRX_FAILED, .value = -error};
    uwrx_send_descriptors(events, &header, "hand over the seccomp listener", NULL, 0, 0);
    // exit_group(2), which _exit(3) makes, would wait for the listener's owner.
    while (1) syscall(SYS_exit, 125);
  }
  close(descriptors[0]);
  close(descriptors[1]);

  // From here on this process is a guest: its calls are answered by the virtual kernel.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (chdir(launch->working_directory)) {
    fprintf(stderr, "uwrx: cannot enter the working directory %s in the guest: %s\n", launch->shown_directory,
            strerror(errno));
    _exit(125);
  }
  // The guest's own PATH says where the command is.
  environ = (char **)launch->envp;
  execvp(launch->argv[0], (char *const *)launch->argv);
  error = errno;
  fprintf(stderr, "uwrx: %s: %s\n", launch->shown_command, strerror(error));
  _exit(error == ENOENT ? 127 : 126);
}
