// Names in directories that the kernel or the system makes: /dev, /dev/pts, /proc and /run. Who may make them may remove them.
// calls: bind linkat mkdir mknod openat rename rmdir statfs symlink unlink
#include "observe.h"
#include <stddef.h>
#include <sys/file.h>
#include <sys/un.h>

static char path[128];

static const char *in(const char *directory, const char *name) {
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

static int make_socket(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, name, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int result = bind(fd, (struct sockaddr *)&address, sizeof address);
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

static void names(const char *directory) {
  char other[128];
  snprintf(other, sizeof other, "%s/uwrx-other", directory);
  say("-- %s", directory);
  // What of /proc may be written is another matter.
  if (strncmp(directory, "/proc", 5)) SHOW(access(directory, W_OK));
  errno = 0;
  int fd = open(in(directory, "uwrx-name"), O_WRONLY | O_CREAT | O_EXCL, 0644);
  say("open: %s", fd < 0 ? error_name(errno) : "0");
  if (fd >= 0) close(fd);
  SHOW(rename(in(directory, "uwrx-name"), other));
  SHOW(unlink(other));
  SHOW(mkdir(in(directory, "uwrx-name"), 0755));
  SHOW(rmdir(in(directory, "uwrx-name")));
  SHOW(symlink("x", in(directory, "uwrx-name")));
  SHOW(unlink(in(directory, "uwrx-name")));
  SHOW(mknod(in(directory, "uwrx-name"), S_IFIFO | 0600, 0));
  SHOW(unlink(in(directory, "uwrx-name")));
  SHOW(mknod(in(directory, "uwrx-name"), S_IFREG | 0600, 0));
  SHOW(unlink(in(directory, "uwrx-name")));
  SHOW(make_socket(in(directory, "uwrx-name")));
  show_stat(in(directory, "uwrx-name"));
  SHOW(make_socket(in(directory, "uwrx-name")));
  SHOW(unlink(in(directory, "uwrx-name")));
  show_stat(in(directory, "uwrx-name"));
  SHOW(make_socket(in(directory, "uwrx-name/")));
  SHOW(make_socket(in(directory, "missing/x")));
  // Many have a file system for it, and others have none.
  if (strcmp(directory, "/run")) {
    SHOW(link("data/hello.txt", in(directory, "uwrx-name")));
    SHOW(rename("data/hello.txt", in(directory, "uwrx-name")));
  }
  SHOW(unlink(in(directory, "uwrx-name")));
  SHOW(rmdir(in(directory, "uwrx-name")));
}

int main(void) {
  // Natively the directories are the machine's, in which others may run this at the same time.
  flock(open("/run", O_RDONLY | O_DIRECTORY | O_CLOEXEC), LOCK_EX);
  static const char *const directories[] = {"/dev", "/dev/pts", "/dev/shm", "/proc", "/proc/self", "/proc/sys", "/run"};
  for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) names(directories[i]);
  say("-- /run");
  struct stat st;
  SHOW(stat("/run", &st));
  say("%o %d", st.st_mode, (int)st.st_uid);
  SHOW(mkdir("/run", 0755));
  SHOW(open("/run", O_WRONLY | O_CREAT, 0644));
  SHOW(mkdir("/run/uwrx-directory", 0750));
  SHOW(chmod("/run/uwrx-directory", 0700));
  show_stat("/run/uwrx-directory");
  SHOW(rmdir("/run/uwrx-directory"));
}
