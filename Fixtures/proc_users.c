// What another user, and an ordinary one, may see of a process in /proc.
// calls: openat readlink newfstatat
#include "unprivileged.h"
#include <sys/prctl.h>

static const char *const names[] = {"arch_status", "attr", "auxv", "cgroup", "clear_refs", "cmdline", "comm", "coredump_filter", "cwd",
                                    "environ", "exe", "fd", "fdinfo", "gid_map", "io", "limits", "loginuid", "map_files", "maps", "mem",
                                    "mountinfo", "mounts", "mountstats", "net", "ns", "oom_adj", "oom_score", "oom_score_adj", "pagemap",
                                    "personality", "root", "sched", "schedstat", "smaps", "smaps_rollup", "stack", "stat", "statm",
                                    "status", "syscall", "task", "timers", "wchan", "ns/pid", "fd/0", "net/dev", "nothing"};

static void look(pid_t pid) {
  for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
    struct stat st;
    int link = !lstat(path, &st) && S_ISLNK(st.st_mode);
    if (link) {
      say("%s: readlink %s", names[i], readlink(path, text, sizeof text) < 0 ? error_name(errno) : "succeeded");
      if (!strncmp(names[i], "fd/", 3)) continue;
    }
    int fd = open(path, O_RDONLY | (strcmp(names[i], "exe") ? 0 : O_CLOEXEC));
    const char *opened = fd < 0 ? error_name(errno) : "succeeded";
    ssize_t n = fd < 0 ? 0 : S_ISDIR(st.st_mode) || link ? 0 : pread(fd, text, 1, 0);
    say("%s: open %s%s%s", names[i], opened, n < 0 ? ", read " : "", n < 0 ? error_name(errno) : "");
    if (fd >= 0) close(fd);
  }
}

int main(void) {
  say("-- pid 1 of another user");
  pid_t child = fork();
  if (child == 0) {
    drop_privilege();
    for (int i = 0; i < 6; i++) {
      static const char *const first[] = {"exe", "cwd", "root", "environ", "maps", "ns/pid"};
      char path[64], text[256];
      snprintf(path, sizeof path, "/proc/1/%s", first[i]);
      struct stat st;
      if (!lstat(path, &st) && S_ISLNK(st.st_mode)) say("%s: %s", first[i], readlink(path, text, 9) < 0 ? error_name(errno) : "succeeded");
      else say("%s: %s", first[i], open(path, O_RDONLY) < 0 ? error_name(errno) : "succeeded");
    }
    _exit(0);
  }
  QUIET(waitpid(child, NULL, 0));

  int gate[2];
  char byte;
  QUIET(pipe(gate));
  pid_t other = fork();
  if (other == 0)
    for (;;) pause();
  say("-- a process of the same user");
  look(other);
  if (geteuid() == 0) {
    say("-- a process of root's, to an ordinary user");
    pid_t looker = fork();
    if (looker == 0) {
      drop_privilege();
      look(other);
      _exit(0);
    }
    QUIET(waitpid(looker, NULL, 0));
    say("-- an ordinary user's, to root");
    pid_t user = fork();
    if (user == 0) {
      drop_privilege();
      QUIET(prctl(PR_SET_DUMPABLE, 1));
      QUIET(write(gate[1], "x", 1));
      for (;;) pause();
    }
    QUIET(read(gate[0], &byte, 1));
    look(user);
    struct stat st;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", user);
    QUIET(stat(path, &st));
    say("owner %d %d", st.st_uid, st.st_gid);
    kill(user, SIGKILL);
    QUIET(waitpid(user, NULL, 0));
  }
  kill(other, SIGKILL);
  QUIET(waitpid(other, NULL, 0));
}
