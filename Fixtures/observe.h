// What every fixture shares: print what Linux did, in a form that two native runs print alike.
//
// A fixture holds no expectations. It makes calls and prints results, errno names and struct fields; the harness
// compares the bytes with those of the same program under uwrx. So print nothing that the kernel chooses freely:
// no pid, inode number, time, address, directory order, directory size or block count. Descriptor numbers are
// fine: POSIX promises the lowest free one.
#ifndef OBSERVE_H
#define OBSERVE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// One line is one write: stdio's buffer would be printed twice after a fork and lost on a crash.
__attribute__((format(printf, 1, 2), unused)) static void say(const char *format, ...) {
  char line[16384];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  if (length > (int)sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  for (int done = 0; done < length;) {
    ssize_t n = write(STDOUT_FILENO, line + done, length - done);
    if (n < 0 && errno != EINTR) _exit(99);
    if (n > 0) done += n;
  }
}

__attribute__((unused)) static const char *error_name(int number) {
  const char *name = strerrorname_np(number);
  return name ? name : "E?";
}

__attribute__((unused)) static const char *signal_name(int number) {
  const char *name = sigabbrev_np(number);
  return name ? name : "?";
}

__attribute__((unused)) static long show_result(const char *call, long result, int error) {
  if (result == -1 && error) say("%s = -1 %s", call, error_name(error));
  else say("%s = %ld", call, result);
  errno = error;
  return result;
}

__attribute__((unused)) static long show_success(const char *call, long result, int error) {
  if (result == -1) say("%s = -1 %s", call, error_name(error));
  else say("%s succeeded", call);
  errno = error;
  return result;
}

// SHOW prints the call as written and its result; CHECK only whether it succeeded, for results that vary (pids,
// addresses). QUIET makes a call that is a mere means to an end, but whose failure must not pass unseen.
#define SHOW(call) ({ errno = 0; long result_ = (long)(call); show_result(#call, result_, errno); })
#define CHECK(call) ({ errno = 0; long result_ = (long)(call); show_success(#call, result_, errno); })
#define QUIET(call) \
  ({ errno = 0; long result_ = (long)(call); if (result_ == -1) show_result(#call, result_, errno); result_; })

// An address that no process has mapped; volatile, so that the compiler cannot warn about what we do on purpose.
__attribute__((unused)) static void *bad_pointer(void) {
  static void *volatile address = (void *)8;
  return address;
}

// Bytes as a C string literal. The buffers rotate, so that one `say` can quote several strings.
__attribute__((unused)) static const char *quote(const void *bytes, long count) {
  static char buffers[8][4096];
  static int turn;
  char *buffer = buffers[turn++ % 8], *end = buffer + 4000;
  const unsigned char *from = bytes;
  char *to = buffer;
  *to++ = '"';
  for (long i = 0; i < count && to < end; i++) {
    if (from[i] == '\n') to += sprintf(to, "\\n");
    else if (from[i] == '"' || from[i] == '\\') to += sprintf(to, "\\%c", from[i]);
    else if (from[i] < 32 || from[i] > 126) to += sprintf(to, "\\x%02x", from[i]);
    else *to++ = from[i];
  }
  strcpy(to, "\"");
  return buffer;
}

// The working directory differs between machines: print paths relative to it.
__attribute__((unused)) static const char *relative(const char *path) {
  static char base[PATH_MAX];
  static char buffers[4][PATH_MAX + 16];
  static int turn;
  if (!base[0] && syscall(SYS_getcwd, base, sizeof base) < 0) strcpy(base, "?");
  size_t length = strlen(base);
  if (strncmp(path, base, length) != 0) return path;
  char *buffer = buffers[turn++ % 4];
  snprintf(buffer, sizeof buffers[0], "<cwd>%s", path + length);
  return buffer;
}

__attribute__((unused)) static const char *type_name(mode_t mode) {
  switch (mode & S_IFMT) {
  case S_IFREG: return "file";
  case S_IFDIR: return "directory";
  case S_IFLNK: return "symlink";
  case S_IFIFO: return "fifo";
  case S_IFSOCK: return "socket";
  case S_IFCHR: return "char";
  case S_IFBLK: return "block";
  default: return "unknown";
  }
}

// Size and link count of a directory are the file system's own business (btrfs and overlayfs say 1).
__attribute__((unused)) static void say_stat(const char *label, const struct stat *st) {
  if (S_ISDIR(st->st_mode)) {
    say("%s: directory %04o uid %d gid %d", label, st->st_mode & 07777, (int)st->st_uid, (int)st->st_gid);
  } else {
    say("%s: %s %04o links %ld uid %d gid %d size %lld", label, type_name(st->st_mode), st->st_mode & 07777,
        (long)st->st_nlink, (int)st->st_uid, (int)st->st_gid, (long long)st->st_size);
  }
}

__attribute__((unused)) static void show_stat(const char *path) {
  struct stat st;
  if (lstat(path, &st) < 0) say("lstat %s: %s", quote(relative(path), strlen(relative(path))), error_name(errno));
  else say_stat(relative(path), &st);
}

__attribute__((unused)) static void show_fstat(const char *label, int fd) {
  struct stat st;
  if (fstat(fd, &st) < 0) say("fstat %s: %s", label, error_name(errno));
  else say_stat(label, &st);
}

__attribute__((unused)) static void put_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) say("cannot write %s: %s", path, error_name(errno));
  if (fd >= 0) close(fd);
}

// The first kilobyte of a file, and how long it is.
__attribute__((unused)) static void show_file(const char *path) {
  char text[1024];
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    say("contents of %s: %s", relative(path), error_name(errno));
    return;
  }
  ssize_t n = read(fd, text, sizeof text);
  if (n < 0) say("contents of %s: read %s", relative(path), error_name(errno));
  else if (n > 120) say("contents of %s: %s... %zd", relative(path), quote(text, 40), n);
  else say("contents of %s: %s", relative(path), quote(text, n));
  if (fstat(fd, &st) == 0 && st.st_size > n) say("  of %lld bytes", (long long)st.st_size);
  close(fd);
}

__attribute__((unused)) static int compare_names(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

// Names and types in byte order: the order of a directory is the file system's own.
__attribute__((unused)) static void show_directory(const char *path) {
  DIR *directory = opendir(path);
  if (!directory) {
    say("directory %s: %s", relative(path), error_name(errno));
    return;
  }
  char *names[2048];
  int count = 0;
  for (struct dirent *entry; (entry = readdir(directory)) && count < 2048;) {
    char line[NAME_MAX * 4 + 16];
    const char *kind = entry->d_type == DT_UNKNOWN ? "unknown" : type_name(DTTOIF(entry->d_type));
    snprintf(line, sizeof line, "%s %s", quote(entry->d_name, strlen(entry->d_name)), kind);
    names[count++] = strdup(line);
  }
  closedir(directory);
  qsort(names, count, sizeof names[0], compare_names);
  say("directory %s: %d entries", relative(path), count);
  for (int i = 0; i < count; i++) {
    say("  %s", names[i]);
    free(names[i]);
  }
}

__attribute__((unused)) static void say_status(const char *label, int status) {
  if (WIFEXITED(status)) say("%s: exited %d", label, WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) say("%s: killed by %s", label, signal_name(WTERMSIG(status)));
  else if (WIFSTOPPED(status)) say("%s: stopped by %s", label, signal_name(WSTOPSIG(status)));
  else if (WIFCONTINUED(status)) say("%s: continued", label);
  else say("%s: status %#x", label, status);
}

__attribute__((unused)) static void wait_for(const char *label, pid_t pid) {
  int status;
  pid_t got;
  while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR) continue;
  if (got < 0) say("%s: waitpid %s", label, error_name(errno));
  else say_status(label, status);
}

// IN_CHILD { ... } runs the block in a child; the parent waits, prints how it ended, and goes on.
__attribute__((unused)) static pid_t fork_and_wait(void) {
  pid_t pid = fork();
  if (pid < 0) say("fork: %s", error_name(errno));
  if (pid > 0) wait_for("child", pid);
  return pid;
}
#define IN_CHILD for (pid_t child_ = fork_and_wait(); child_ == 0; _exit(0))

__attribute__((unused)) static void pause_ms(long milliseconds) {
  struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  while (nanosleep(&left, &left) < 0 && errno == EINTR) continue;
}

// The same start on every machine: no stray descriptors, a known umask, nothing ignored or blocked.
__attribute__((constructor, unused)) static void begin(void) {
  close_range(3, ~0U, 0);
  umask(022);
  for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  relative("/");
}

#endif
