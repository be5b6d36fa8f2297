// /proc/self and what programs read there.
// calls: getdents64 openat read readlink
#include "observe.h"
#include <pthread.h>
#include <sys/prctl.h>

static void show_link(const char *path) {
  char text[PATH_MAX];
  ssize_t n = readlink(path, text, sizeof text - 1);
  text[n < 0 ? 0 : n] = 0;
  say("%s -> %s", path, n < 0 ? error_name(errno) : relative(text));
}

// Prints the lines of a file that begin with one of the words.
static void show_lines(const char *path, const char *const words[]) {
  FILE *file = fopen(path, "re");
  if (!file) {
    say("%s: %s", path, error_name(errno));
    return;
  }
  char line[4096];
  while (fgets(line, sizeof line, file)) {
    for (int i = 0; words[i]; i++) {
      if (!strncmp(line, words[i], strlen(words[i]))) say("  %s", quote(line, strlen(line) - 1));
    }
  }
  fclose(file);
}

static long lines_with(const char *path, const char *text) {
  FILE *file = fopen(path, "re");
  if (!file) return -1;
  char line[4096];
  long count = 0;
  while (fgets(line, sizeof line, file)) count += strstr(line, text) != NULL;
  fclose(file);
  return count;
}

static void *idle(void *unused) {
  (void)unused;
  pause();
  return NULL;
}

static int entries(const char *path) {
  DIR *directory = opendir(path);
  int count = 0;
  if (!directory) return -errno;
  while (readdir(directory)) count++;
  closedir(directory);
  return count - 2;
}

int main(int argc, char **argv) {
  (void)argc;
  char text[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", text, sizeof text - 1);
  text[n < 0 ? 0 : n] = 0;
  say("exe is argv[0] %d", strcmp(text, argv[0]) == 0);
  show_link("/proc/self/cwd");
  show_link("/proc/self/root");
  QUIET(chdir("data/dir"));
  show_link("/proc/self/cwd");
  QUIET(chdir("../.."));
  n = readlink("/proc/self", text, sizeof text - 1);
  text[n < 0 ? 0 : n] = 0;
  say("/proc/self is our pid %d", atoi(text) == getpid());
  show_lines("/proc/self/status", (const char *const[]){"Name:", "Umask:", "Uid:", "Gid:", "Threads:", "SigIgn:", "SigCgt:", NULL});
  show_file("/proc/self/comm");
  SHOW(prctl(PR_SET_NAME, "renamed"));
  show_file("/proc/self/comm");
  int fd = open("/proc/self/cmdline", O_RDONLY);
  n = read(fd, text, sizeof text);
  say("cmdline is argv[0] %d", n == (ssize_t)strlen(argv[0]) + 1 && strcmp(text, argv[0]) == 0);
  close(fd);
  fd = open("/proc/self/environ", O_RDONLY);
  n = read(fd, text, sizeof text - 1);
  text[n < 0 ? 0 : n] = 0;
  say("environ begins with the first variable %d", getenv("PATH") != NULL && memmem(text, n, "PATH=", 5) != NULL);
  close(fd);

  say("-- descriptors");
  QUIET(open("data/hello.txt", O_RDONLY));
  QUIET(open("data/link", O_PATH | O_NOFOLLOW));
  QUIET(open("new", O_WRONLY | O_CREAT, 0644));
  QUIET(open("data/dir", O_RDONLY | O_DIRECTORY));
  QUIET(open("/dev/null", O_RDWR));
  QUIET(open("data/fifo", O_RDONLY | O_NONBLOCK));
  for (int i = 3; i < 10; i++) {
    snprintf(text, 64, "/proc/self/fd/%d", i);
    show_link(text);
  }
  show_stat("/proc/self/fd/3");
  QUIET(rename("new", "renamed"));
  show_link("/proc/self/fd/5");
  QUIET(unlink("renamed"));
  show_link("/proc/self/fd/5");
  say("descriptors listed %d, infos %d", entries("/proc/self/fd"), entries("/proc/self/fdinfo"));
  QUIET(lseek(3, 5, SEEK_SET));
  show_lines("/proc/self/fdinfo/3", (const char *const[]){"pos:", "flags:", NULL});
  SHOW(open("/proc/self/fd/3", O_RDONLY));
  SHOW(read(9, text, 5));
  say("a new position: %s", quote(text, 5));
  SHOW(open("/proc/self/fd/3", O_WRONLY));
  SHOW(write(10, "HELLO", 5));
  show_file("data/hello.txt");
  SHOW(open("/proc/self/fd/4", O_RDONLY));
  SHOW(open("/proc/self/fd/6", O_RDONLY | O_DIRECTORY));
  SHOW(open("/proc/self/fd/6/a", O_RDONLY));
  SHOW(access("/proc/self/fd/6/../hello.txt", F_OK));
  SHOW(open("/proc/self/fd/77", O_RDONLY));
  SHOW(open("/proc/self/fd/3", O_RDONLY | O_NOFOLLOW));
  SHOW(open("/proc/self/fd/x", O_RDONLY));
  SHOW(unlink("/proc/self/fd/3"));
  SHOW(access("/proc/self/cwd/data/empty", F_OK));
  closefrom(3);

  say("-- tasks");
  say("tasks %d", entries("/proc/self/task"));
  pthread_t thread;
  pthread_create(&thread, NULL, idle, NULL);
  pause_ms(10);
  say("tasks %d", entries("/proc/self/task"));
  show_lines("/proc/thread-self/status", (const char *const[]){"Threads:", NULL});
  snprintf(text, sizeof text, "/proc/self/task/%d/comm", gettid());
  fd = SHOW(open(text, O_RDONLY));
  close(fd);

  say("-- another process");
  int pipes[2];
  QUIET(pipe2(pipes, O_CLOEXEC));
  pid_t pid = fork();
  if (pid == 0) {
    dup2(pipes[0], 0);
    execl("/bin/cat", "cat", "-", NULL);
    _exit(1);
  }
  pause_ms(50);
  snprintf(text, sizeof text, "/proc/%d/exe", pid);
  char target[PATH_MAX];
  n = readlink(text, target, sizeof target - 1);
  target[n < 0 ? 0 : n] = 0;
  say("exe ends in cat %d", n > 3 && strcmp(target + n - 3, "cat") == 0);
  snprintf(text, sizeof text, "/proc/%d/cmdline", pid);
  fd = open(text, O_RDONLY);
  n = read(fd, target, sizeof target);
  say("cmdline %s", quote(target, n < 0 ? 0 : n));
  close(fd);
  snprintf(text, sizeof text, "/proc/%d/status", pid);
  show_lines(text, (const char *const[]){"Name:", NULL});
  snprintf(text, sizeof text, "/proc/%d/stat", pid);
  fd = open(text, O_RDONLY);
  n = read(fd, target, sizeof target - 1);
  target[n < 0 ? 0 : n] = 0;
  int statPid = 0, parent = 0;
  char comm[32] = "", state = 0;
  int fields = sscanf(target, "%d (%31[^)]) %c %d", &statPid, comm, &state, &parent);
  say("stat fields %d, pid right %d, comm %s, state %c, parent right %d", fields, statPid == pid, comm, state, parent == getpid());
  close(fd);
  close(pipes[1]);
  wait_for("cat", pid);
  SHOW(open(text, O_RDONLY));
  SHOW(access("/proc/999999999", F_OK));
  SHOW(access("/proc/1/status", R_OK));

  say("-- maps");
  say("stack %ld, this program %d", lines_with("/proc/self/maps", "[stack]"), lines_with("/proc/self/maps", argv[0]) > 0);
  fd = open("data/empty", O_RDWR);
  QUIET(ftruncate(fd, 4096));
  void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  say("mapped %d, by name %ld", page != MAP_FAILED, lines_with("/proc/self/maps", "/data/empty"));

  say("-- system wide");
  static const char *const files[] = {"cpuinfo", "meminfo", "stat", "uptime", "version", "filesystems", "loadavg", "mounts",
                                      "self/mountinfo", "self/limits", "self/oom_score_adj", "sys/kernel/ostype",
                                      "sys/kernel/pid_max", "sys/kernel/hostname", "sys/fs/file-max", "self/maps", "self/statm",
                                      "self/auxv", "self/cgroup", "self/io", "self/loginuid", "missing", "self/missing"};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    snprintf(text, sizeof text, "/proc/%s", files[i]);
    fd = open(text, O_RDONLY);
    if (fd < 0) {
      say("%s: %s", text, error_name(errno));
      continue;
    }
    n = read(fd, target, sizeof target);
    say("%s: %s", text, n > 0 ? "readable" : n < 0 ? error_name(errno) : "empty");
    close(fd);
  }
  show_file("/proc/sys/kernel/ostype");
  SHOW(open("/proc/new", O_CREAT | O_WRONLY, 0644) < 0 ? -1 : 0);
  SHOW(mkdir("/proc/new", 0755) < 0 ? -1 : 0);
  SHOW(unlink("/proc/version") < 0 ? -1 : 0);
}
