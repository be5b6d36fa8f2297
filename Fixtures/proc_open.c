// Open files of /proc: what they say when they are read again, positions, status, links, O_PATH, and after their process has ended.
// calls: fcntl fstat getdents64 lseek openat pread64 readlink readlinkat fchdir newfstatat
#include "observe.h"
#include <sched.h>

static char first[1 << 18], second[1 << 18];

// Whether a second read from the start says something new after the process has worked, waited and grown.
static const char *const moving[] = {"/proc/uptime", "/proc/stat", "/proc/vmstat", "/proc/meminfo", "/proc/self/stat", "/proc/self/statm",
                                     "/proc/self/sched", "/proc/self/io", "/proc/sys/kernel/random/uuid", "/proc/self/comm",
                                     "/proc/thread-self/comm", "/proc/net/unix", "/proc/self/cmdline"};
#define MOVING (int)(sizeof moving / sizeof *moving)

static void read_again(void) {
  int files[MOVING];
  for (int i = 0; i < MOVING; i++) files[i] = open(moving[i], O_RDONLY | O_CLOEXEC);
  ssize_t lengths[MOVING];
  static char texts[MOVING][1 << 16];
  for (int i = 0; i < MOVING; i++) lengths[i] = pread(files[i], texts[i], sizeof texts[i], 0);
  volatile char *memory = malloc(32 << 20);
  for (int i = 0; i < 32 << 20; i += 4096) memory[i] = 1;
  int own = socket(AF_UNIX, SOCK_STREAM, 0), file = open("data/hello.txt", O_RDONLY);
  QUIET(read(file, first, 3));
  QUIET(open("/proc/self/comm", O_WRONLY));
  int comm = open("/proc/self/comm", O_WRONLY);
  QUIET(write(comm, "renamed", 7));
  for (int i = 0; i < 30; i++) usleep(10000);
  for (int i = 0; i < MOVING; i++) {
    SHOW(lseek(files[i], 0, SEEK_SET));
    ssize_t n = read(files[i], second, 1 << 16);
    say("%s says %s", moving[i], n != lengths[i] || memcmp(second, texts[i], n < 0 ? 0 : n) ? "something new" : "the same");
    close(files[i]);
  }
  close(own);
}

static void positions(void) {
  static const char *const files[] = {"/proc/meminfo", "/proc/stat", "/proc/self/stat", "/proc/self/cmdline", "/proc/cpuinfo", "/proc/uptime"};
  for (int i = 0; i < (int)(sizeof files / sizeof *files); i++) {
    int fd = open(files[i], O_RDONLY);
    say("%s", files[i]);
    SHOW(lseek(fd, 0, SEEK_END) >= 0);
    SHOW(lseek(fd, 3, SEEK_SET));
    SHOW(read(fd, first, 2));
    SHOW(lseek(fd, 0, SEEK_CUR));
    ssize_t n = pread(fd, first, 64, 0), m = pread(fd, second, 32, 3);
    say("a piece is a piece of the whole: %d", n > 40 && m == 32 && (strstr(files[i], "uptime") || !memcmp(first + 3, second, 8)));
    SHOW(write(fd, "x", 1));
    SHOW(ftruncate(fd, 0));
    SHOW(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED);
    close(fd);
  }
}

static void status_of_open_files(void) {
  static const char *const files[] = {"/proc/self/stat", "/proc/self/status", "/proc/self/maps", "/proc/self/environ", "/proc/meminfo",
                                      "/proc/sys/kernel/ostype", "/proc/self/fdinfo/0", "/proc/self/mountinfo", "/proc/self/task",
                                      "/proc/self/fd", "/proc/self/ns/pid", "/proc/self/attr/current"};
  for (int i = 0; i < (int)(sizeof files / sizeof *files); i++) {
    int fd = open(files[i], O_RDONLY);
    struct stat by_path, by_file;
    if (fd < 0 || stat(files[i], &by_path) || fstat(fd, &by_file)) {
      say("%s: %s", files[i], error_name(errno));
      continue;
    }
    say("%s: mode %o, links %d, the same file %d, uid 0 %d, size %s, blocks %ld", files[i], by_file.st_mode,
        S_ISDIR(by_file.st_mode) ? 0 : (int)by_file.st_nlink, by_path.st_ino == by_file.st_ino && by_path.st_dev == by_file.st_dev,
        by_file.st_uid == 0, by_file.st_size ? "some" : "none", (long)by_file.st_blocks);
    char link[64], text[PATH_MAX], *end;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = 0;
    char own[32];
    snprintf(own, sizeof own, "/proc/%d/", getpid());
    if (!strncmp(text, own, strlen(own))) say("its link: /proc/<pid>/%s", text + strlen(own));
    else if ((end = strchr(text, '['))) say("its link: %.*s", (int)(end - text), text);
    else say("its link: %s", text);
    int again = open(link, O_RDONLY);
    say("opened again: %s", again < 0 ? error_name(errno) : "yes");
    close(again);
    close(fd);
  }
}

static void opened_by_path(void) {
  static const char *const files[] = {"/proc/self", "/proc/self/stat", "/proc/meminfo", "/proc/self/exe"};
  for (int i = 0; i < 4; i++) {
    int fd = open(files[i], O_PATH | O_NOFOLLOW);
    struct stat st;
    say("%s by O_PATH: %s", files[i], fd < 0 ? error_name(errno) : "yes");
    if (fd < 0) continue;
    QUIET(fstat(fd, &st));
    say("type %o", st.st_mode & S_IFMT);
    SHOW(read(fd, first, 1));
    close(fd);
  }
}

static void flags_of_open_files(void) {
  static const char *const files[] = {"/proc", "/proc/self", "/proc/self/fd", "/proc/self/task", "/proc/self/net", "/proc/sys/kernel", "/proc/self/ns",
                                      "data", ".", "/proc/self/stat", "/proc/meminfo", "/proc/self/maps", "/proc/sys/kernel/ostype"};
  static const struct { const char *name; int value; } flags[] = {
      {"O_DIRECT", O_DIRECT}, {"O_APPEND", O_APPEND}, {"O_NONBLOCK", O_NONBLOCK}, {"O_SYNC", O_SYNC}, {"O_DSYNC", O_DSYNC},
      {"O_ASYNC", O_ASYNC}, {"O_NOFOLLOW", O_NOFOLLOW}, {"O_NOATIME", O_NOATIME}, {"O_PATH|O_DIRECT", O_PATH | O_DIRECT}, {"O_DIRECT|O_RDWR", O_DIRECT | O_RDWR}};
  for (int i = 0; i < (int)(sizeof files / sizeof *files); i++) {
    int directory = i < 9 ? O_DIRECTORY : 0;
    for (int j = 0; j < (int)(sizeof flags / sizeof *flags); j++) {
      // Of files it is only whether they can be opened.
      if (!directory && flags[j].value != O_DIRECT && flags[j].value != (O_PATH | O_DIRECT)) continue;
      int fd = open(files[i], flags[j].value | directory);
      if (fd < 0) say("%s by %s: %s", files[i], flags[j].name, error_name(errno));
      else say("%s by %s: %x", files[i], flags[j].name, fcntl(fd, F_GETFL));
      close(fd);
    }
  }
}

static void after_death(void) {
  int gate[2];
  QUIET(pipe(gate));
  pid_t child = fork();
  if (child == 0) {
    close(gate[1]);
    QUIET(read(gate[0], first, 1));
    _exit(0);
  }
  close(gate[0]);
  static const char *const names[] = {"stat", "statm", "comm", "cmdline", "environ", "io", "limits", "task", "fd", "ns", ""};
  int files[11];
  char path[64];
  for (int i = 0; i < 11; i++) {
    snprintf(path, sizeof path, "/proc/%d/%s", child, names[i]);
    files[i] = QUIET(open(path, O_RDONLY));
  }
  close(gate[1]);
  siginfo_t info;
  QUIET(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
  say("a zombie");
  for (int i = 0; i < 6; i++) say("%s: %s", names[i], pread(files[i], first, 9, 0) > 0 ? "something" : "nothing");
  snprintf(path, sizeof path, "/proc/%d/exe", child);
  SHOW(readlink(path, first, 99));
  QUIET(waitpid(child, NULL, 0));
  snprintf(path, sizeof path, "/proc/%d", child);
  say("reaped");
  SHOW(access(path, F_OK));
  struct stat st;
  for (int i = 0; i < 7; i++) {
    say("%s", names[i]);
    SHOW(pread(files[i], first, 9, 0));
    SHOW(fstat(files[i], &st));
  }
  for (int i = 7; i < 11; i++) {
    say("directory %s", names[i]);
    SHOW(syscall(SYS_getdents64, files[i], first, sizeof first));
    SHOW(fstat(files[i], &st));
    SHOW(openat(files[i], ".", O_RDONLY) >= 0);
    SHOW(fchdir(files[i]));
  }
  SHOW(openat(files[10], "stat", O_RDONLY));
  SHOW(readlinkat(files[10], "exe", first, 99));
  SHOW(fstatat(files[10], "nothing", &st, 0));
  snprintf(path, sizeof path, "/proc/self/fd/%d", files[0]);
  ssize_t n = readlink(path, first, 99);
  first[n < 0 ? 0 : n] = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", child);
  say("its link is its path: %d", !strcmp(first, path));
}

int main(void) {
  read_again();
  positions();
  status_of_open_files();
  opened_by_path();
  flags_of_open_files();
  after_death();
}
