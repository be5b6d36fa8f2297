// Calls with arguments that are wrong in every way, alone and several at once: which error comes first, and what is no error at all.
// Without arguments a few of each call are drawn by lot; `combinations <most> [<seed> [<call>]]` tries so many of each, and all of them
// where there are no more (Conformance/Combinations/run).
// calls: access bind capget capset chdir chmod chown chroot connect copy_file_range creat execve execveat faccessat faccessat2 fchdir
// calls: fchmod fchmodat fchmodat2 fchown fchownat fcntl fgetxattr flistxattr fremovexattr fsetxattr fstat fstatfs ftruncate futimesat
// calls: getdents getdents64 getgroups getresgid getresuid getxattr getxattrat inotify_add_watch inotify_rm_watch io_setup ioctl lchown lgetxattr
// calls: link linkat listxattr listxattrat llistxattr lremovexattr lsetxattr lstat mkdir mkdirat mknod mknodat
// calls: name_to_handle_at newfstatat open openat openat2 pidfd_send_signal prctl prlimit64 readlink readlinkat removexattr removexattrat rename renameat
// calls: renameat2 rmdir rt_sigaction sched_getaffinity sched_setaffinity set_robust_list set_tid_address setfsgid setfsuid setgid setgroups setregid setresgid
// calls: setresuid setreuid setrlimit setuid setxattr setxattrat socket socketpair stat statfs statx symlink symlinkat truncate umask unlink
// calls: unlinkat unshare utime utimensat utimes
#include "combinations.h"
#include "combination_structures.h"

enum {
  CHANGES = 1, // What succeeds leaves other files and descriptors behind.
  GIVES = 2,   // The result is a descriptor.
  VARIES = 4,  // The result is the kernel's own affair.
  FORKS = 8,   // Each call is made by a process of its own.
  REWINDS = 16, // The first argument's position is the beginning.
};

#define ROW(name, traits, ...) {#name, SYS_##name, traits, {__VA_ARGS__}}
static const struct row {
  const char *name;
  int number;
  int traits;
  struct set *arguments[6];
} rows[] = {
    ROW(open, CHANGES | GIVES, &paths, &open_flags, &modes),
    ROW(openat, CHANGES | GIVES, &dirs, &paths, &open_flags, &modes),
    ROW(creat, CHANGES | GIVES, &own_paths, &modes),
    ROW(openat2, CHANGES | GIVES, &dirs, &paths, &hows, &how_sizes),
    ROW(stat, 0, &paths, &results),
    ROW(lstat, 0, &paths, &results),
    ROW(fstat, 0, &fds, &results),
    ROW(newfstatat, 0, &dirs, &paths, &results, &at_flags),
    ROW(statx, 0, &dirs, &paths, &at_flags, &masks, &results),
    ROW(access, 0, &paths, &bits),
    ROW(faccessat, 0, &dirs, &paths, &bits),
    ROW(faccessat2, 0, &dirs, &paths, &bits, &at_flags),
    ROW(readlink, 0, &paths, &results, &sizes),
    ROW(readlinkat, 0, &dirs, &paths, &results, &sizes),
    ROW(statfs, 0, &paths, &results),
    ROW(fstatfs, 0, &fds, &results),
    ROW(getdents64, VARIES | REWINDS, &directories, &results, &sizes),
    ROW(getdents, VARIES | REWINDS, &directories, &results, &sizes),
    ROW(chdir, CHANGES, &paths),
    ROW(chroot, CHANGES, &paths),
    ROW(fchdir, CHANGES, &directories),
    ROW(name_to_handle_at, 0, &dirs, &paths, &inputs, &results, &at_flags),
    ROW(inotify_add_watch, VARIES, &watches, &own_paths, &bits),
    ROW(inotify_rm_watch, 0, &watches, &any),
    ROW(pidfd_send_signal, 0, &fds, &zeros, &inputs, &bits),
    ROW(mkdir, CHANGES, &own_paths, &modes),
    ROW(mkdirat, CHANGES, &dirs, &own_paths, &modes),
    ROW(mknod, CHANGES, &own_paths, &node_modes, &devices),
    ROW(mknodat, CHANGES, &dirs, &own_paths, &node_modes, &devices),
    ROW(unlink, CHANGES, &own_paths),
    ROW(rmdir, CHANGES, &own_paths),
    ROW(unlinkat, CHANGES, &dirs, &own_paths, &at_flags),
    ROW(rename, CHANGES, &own_paths, &own_paths),
    ROW(renameat, CHANGES, &dirs, &own_paths, &dirs, &own_paths),
    ROW(renameat2, CHANGES, &dirs, &own_paths, &dirs, &own_paths, &bits),
    ROW(link, CHANGES, &own_paths, &own_paths),
    ROW(linkat, CHANGES, &dirs, &own_paths, &dirs, &own_paths, &at_flags),
    ROW(symlink, CHANGES, &own_paths, &own_paths),
    ROW(symlinkat, CHANGES, &own_paths, &dirs, &own_paths),
    ROW(truncate, CHANGES, &own_paths, &lengths),
    ROW(ftruncate, CHANGES, &fds, &lengths),
    ROW(chmod, CHANGES, &own_paths, &modes),
    ROW(fchmod, CHANGES, &fds, &modes),
    ROW(fchmodat, CHANGES, &dirs, &own_paths, &modes),
    {"fchmodat2", 452, CHANGES, {&dirs, &own_paths, &modes, &at_flags}},
    ROW(chown, CHANGES, &own_paths, &ids, &ids),
    ROW(lchown, CHANGES, &own_paths, &ids, &ids),
    ROW(fchown, CHANGES, &fds, &ids, &ids),
    ROW(fchownat, CHANGES, &dirs, &own_paths, &ids, &ids, &at_flags),
    ROW(utimensat, CHANGES, &dirs, &own_paths, &times, &at_flags),
    ROW(utimes, CHANGES, &own_paths, &old_times),
    ROW(futimesat, CHANGES, &dirs, &own_paths, &old_times),
    ROW(utime, CHANGES, &own_paths, &old_times),
    ROW(setxattr, CHANGES, &own_paths, &names, &values, &attribute_sizes, &bits),
    ROW(lsetxattr, CHANGES, &own_paths, &names, &values, &attribute_sizes, &bits),
    ROW(fsetxattr, CHANGES, &fds, &names, &values, &attribute_sizes, &bits),
    {"setxattrat", 463, CHANGES, {&dirs, &own_paths, &at_flags, &names, &attribute_arguments, &how_sizes}},
    ROW(getxattr, 0, &paths, &names, &results, &attribute_sizes),
    ROW(lgetxattr, 0, &paths, &names, &results, &attribute_sizes),
    ROW(fgetxattr, 0, &fds, &names, &results, &attribute_sizes),
    {"getxattrat", 464, 0, {&dirs, &own_paths, &at_flags, &names, &attribute_arguments, &how_sizes}},
    ROW(listxattr, 0, &paths, &results, &attribute_sizes),
    ROW(llistxattr, 0, &paths, &results, &attribute_sizes),
    ROW(flistxattr, 0, &fds, &results, &attribute_sizes),
    {"listxattrat", 465, 0, {&dirs, &own_paths, &at_flags, &results, &attribute_sizes}},
    ROW(removexattr, CHANGES, &own_paths, &names),
    ROW(lremovexattr, CHANGES, &own_paths, &names),
    ROW(fremovexattr, CHANGES, &fds, &names),
    {"removexattrat", 466, CHANGES, {&dirs, &own_paths, &at_flags, &names}},
    ROW(copy_file_range, CHANGES, &fds, &offsets, &fds, &offsets, &lengths, &bits),
    ROW(sendfile, CHANGES, &fds, &fds, &offsets, &lengths),
    ROW(bind, CHANGES, &sockets, &addresses, &address_sizes),
    ROW(connect, CHANGES, &sockets, &addresses, &address_sizes),
    ROW(socket, GIVES, &bits, &bits, &bits),
    ROW(socketpair, CHANGES, &bits, &bits, &bits, &results),
    ROW(ioctl, CHANGES, &sockets, &requests, &ioctl_arguments),
    ROW(fcntl, CHANGES, &fds, &commands, &any),
    ROW(prctl, FORKS | VARIES, &options, &any, &any, &any, &any),
    ROW(prlimit64, FORKS, &zeros, &resources, &limits, &results),
    ROW(setrlimit, FORKS, &resources, &limits),
    ROW(sched_getaffinity, FORKS, &tasks, &sizes, &results),
    ROW(sched_setaffinity, FORKS, &tasks, &sizes, &processors),
    ROW(unshare, FORKS, &bits),
    ROW(execve, FORKS, &paths, &vectors, &vectors),
    ROW(execveat, FORKS, &dirs, &paths, &vectors, &vectors, &at_flags),
    ROW(rt_sigaction, 0, &signals, &inputs, &results, &sizes),
    ROW(set_tid_address, FORKS | VARIES, &results),
    ROW(set_robust_list, FORKS, &results, &sizes),
    ROW(io_setup, FORKS, &sizes, &results),
    ROW(umask, CHANGES, &modes),
    ROW(setuid, FORKS, &ids),
    ROW(setgid, FORKS, &ids),
    ROW(setreuid, FORKS, &ids, &ids),
    ROW(setregid, FORKS, &ids, &ids),
    ROW(setresuid, FORKS, &ids, &ids, &ids),
    ROW(setresgid, FORKS, &ids, &ids, &ids),
    ROW(setfsuid, FORKS, &ids),
    ROW(setfsgid, FORKS, &ids),
    ROW(getresuid, 0, &results, &results, &results),
    ROW(getresgid, 0, &results, &results, &results),
    ROW(getgroups, 0, &attribute_sizes, &results),
    ROW(setgroups, FORKS, &attribute_sizes, &groups),
    ROW(capget, FORKS, &headers, &results),
    ROW(capset, FORKS, &headers, &data_sets),
};

// What the processes of a call say; it outlives them.
static struct output {
  long length;
  char text[1 << 20];
} *output;

static void flush(void) {
  for (long done = 0; done < output->length;) {
    ssize_t n = write(STDOUT_FILENO, output->text + done, output->length - done);
    if (n <= 0) _exit(96);
    done += n;
  }
  output->length = 0;
}

static void make(const struct row *row, const int *choice) {
  long arguments[6] = {0};
  char *text = output->text + output->length;
  int length = sprintf(text, "%s(", row->name);
  for (int i = 0; i < 6 && row->arguments[i]; i++) {
    struct value *value = &row->arguments[i]->values[choice[i]];
    arguments[i] = value->value;
    length += sprintf(text + length, "%s%s", i ? ", " : "", value->label);
  }
  length += sprintf(text + length, ")");
  output->length += length;
  memset(scratch, 0, PAGE), memset(request_page, 0, 64), strcpy(request_page, "nosuch0");
  if (row->traits & REWINDS) lseek((int)arguments[0], 0, SEEK_SET);
  errno = 0;
  long result = syscall(row->number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
  int error = errno;
  text += length;
  if (result == -1) output->length += sprintf(text, " = %s\n", error_name(error));
  else if (row->traits & VARIES) output->length += sprintf(text, " succeeded\n");
  else output->length += sprintf(text, " = %ld\n", result);
  if (result >= 0 && row->traits & GIVES) close((int)result);
  if (result >= 0 && row->traits & CHANGES) fresh();
  if (output->length > (long)sizeof output->text - 65536) flush();
}

static void try(const struct row *row, const int *choice) {
  if (!(row->traits & FORKS)) return make(row, choice);
  pid_t pid = fork();
  if (pid == 0) {
    make(row, choice);
    _exit(0);
  }
  int status;
  waitpid(pid, &status, 0);
  if (output->text[output->length - 1] != '\n') output->length += sprintf(output->text + output->length, " does not return, %#x\n", status);
  if (output->length > (long)sizeof output->text - 65536) flush();
}

static uint64_t state;
static unsigned draw(unsigned below) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(state >> 33) % below;
}

// A combination in which few things are wrong: the first value of a set is drawn as often as all others.
static void draw_some(const struct row *row, int count, int *choice) {
  for (int i = 0; i < count; i++) choice[i] = draw(2) ? (int)draw((unsigned)row->arguments[i]->count) : 0;
}

// All combinations if there are no more than `most`. Else each value of each argument beside valid others and each pair of values, as far
// as `most` allows it, and some of all; where not even each value can be tried, some are.
static void combine(const struct row *row, long most) {
  int count = 0, choice[6] = {0};
  double all = 1, pairs = 0, values = 0;
  while (count < 6 && row->arguments[count]) values += row->arguments[count]->count, all *= row->arguments[count++]->count;
  for (int i = 0; i < count; i++)
    for (int j = 0; j < i; j++) pairs += (double)row->arguments[i]->count * row->arguments[j]->count;
  if (all <= most) {
    for (;;) {
      try(row, choice);
      int i = 0;
      while (i < count && ++choice[i] == row->arguments[i]->count) choice[i++] = 0;
      if (i == count) return;
    }
  }
  for (int i = 0; i < count && values <= most; i++)
    for (int value = 0; value < row->arguments[i]->count; value++, most--) {
      memset(choice, 0, sizeof choice);
      choice[i] = value;
      try(row, choice);
    }
  for (int i = 0; i < count && pairs <= most; i++)
    for (int j = 0; j < i; j++)
      for (int value = 1; value < row->arguments[i]->count; value++)
        for (int other = 1; other < row->arguments[j]->count; other++, most--) {
          memset(choice, 0, sizeof choice);
          choice[i] = value, choice[j] = other;
          try(row, choice);
        }
  for (; most > 0; most--) {
    draw_some(row, count, choice);
    if (values > most && draw(2)) {
      int kept = (int)draw((unsigned)count), value = (int)draw((unsigned)row->arguments[kept]->count);
      memset(choice, 0, sizeof choice);
      choice[kept] = value;
    }
    try(row, choice);
  }
}

// What huge and odd files a call has left behind is nobody's matter.
static void remove_tree(const char *path) {
  struct stat st;
  if (unlink(path) == 0 || lstat(path, &st) < 0 || !S_ISDIR(st.st_mode)) return;
  chmod(path, 0700);
  DIR *directory = opendir(path);
  for (struct dirent *entry; directory && (entry = readdir(directory));) {
    char child[PATH_MAX];
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
    remove_tree(child);
  }
  if (directory) closedir(directory);
  if (rmdir(path) < 0) say("%s: %s", path, error_name(errno));
}

int main(int count, char **arguments) {
  long most = count > 1 ? atol(arguments[1]) : 40;
  keep_only_file_capabilities();
  base = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  base = fcntl(base, F_DUPFD_CLOEXEC, 100);
  close(3);
  output = mmap(NULL, sizeof *output, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  make_values();
  make_structures();
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (count > 3 && strcmp(arguments[3], rows[i].name) != 0) continue;
  pid_t pid = fork();
    if (pid == 0) {
      state = (count > 2 ? strtoul(arguments[2], NULL, 0) : 1) * 1000 + i;
      alarm(600);
      mkdir(rows[i].name, 0755), chdir(rows[i].name), mkdir("data", 0755);
      symlink("../../data/dir", "data/dir"), symlink("../../data/hello.txt", "data/hello.txt"), symlink("../../data/foreign", "data/foreign");
      dup3(open(".", O_RDONLY | O_DIRECTORY), base, O_CLOEXEC);
      close(3);
      fresh();
      combine(&rows[i], most);
      _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    flush();
    if (status) say_status(rows[i].name, status);
    remove_tree(rows[i].name);
  }
}
