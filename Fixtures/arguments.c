// How arguments arrive: int arguments with garbage in the upper half of their register, strings and structures at the
// end of what is mapped, across pages, in read-only memory, and at addresses that no process has.
// calls: access bind chdir chmod chown connect execve execveat faccessat faccessat2 fchdir fchmod fchmodat fchown
// calls: fchownat fstatfs getdents64 getxattr inotify_add_watch ioctl linkat lstat mkdir mkdirat mknodat newfstatat
// calls: open openat openat2 prctl readlink readlinkat renameat2 rt_sigaction setxattr stat statfs statx symlinkat
// calls: truncate umask unlinkat unshare utimensat
#include "observe.h"
#include <linux/openat2.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/un.h>

#define PAGE 4096L
#define UPPER(value) ((long)(0x5a5a5a5a00000000UL | (uint32_t)(value)))

static char *edge;  // The end of the last page that is mapped and writable.
static char *sealed;  // A page that can only be read.

// The string so that its NUL, or without it its last byte, is the last byte that there is.
static char *at_edge(const char *text, bool with_end) {
  size_t length = strlen(text) + with_end;
  return memcpy(edge - length, text, length);
}

static void upper_halves(void) {
  long here = UPPER(AT_FDCWD);
  struct stat st;
  struct statx stx;
  int fd = SHOW(syscall(SYS_openat, here, "own", UPPER(O_RDWR | O_CREAT), UPPER(0640)));
  SHOW(syscall(SYS_open, "own", UPPER(O_RDONLY), UPPER(0)));
  SHOW(syscall(SYS_newfstatat, here, "own", &st, UPPER(0)));
  SHOW(syscall(SYS_newfstatat, UPPER(fd), "", &st, UPPER(AT_EMPTY_PATH)));
  SHOW(syscall(SYS_fstat, UPPER(fd), &st));
  SHOW(syscall(SYS_statx, here, "own", UPPER(AT_SYMLINK_NOFOLLOW), UPPER(STATX_BASIC_STATS), &stx));
  SHOW(syscall(SYS_faccessat, here, "own", UPPER(R_OK)));
  SHOW(syscall(SYS_faccessat2, here, "own", UPPER(R_OK), UPPER(AT_EACCESS)));
  SHOW(syscall(SYS_access, "own", UPPER(R_OK)));
  SHOW(syscall(SYS_chmod, "own", UPPER(0x10000 | 0604)));
  SHOW(syscall(SYS_fchmod, UPPER(fd), UPPER(0x10000 | 0614)));
  SHOW(syscall(SYS_fchmodat, here, "own", UPPER(0x10000 | 0600)));
  SHOW(syscall(SYS_chown, "own", UPPER(-1), UPPER(-1)));
  SHOW(syscall(SYS_fchown, UPPER(fd), UPPER(-1), UPPER(-1)));
  SHOW(syscall(SYS_fchownat, here, "own", UPPER(-1), UPPER(-1), UPPER(0)));
  SHOW(syscall(SYS_mkdirat, here, "directory", UPPER(0x10000 | 0701)));
  SHOW(syscall(SYS_mknodat, here, "fifo", UPPER(S_IFIFO | 0601), UPPER(0)));
  SHOW(syscall(SYS_linkat, here, "own", here, "second", UPPER(0)));
  SHOW(syscall(SYS_symlinkat, "own", here, "link"));
  SHOW(syscall(SYS_renameat2, here, "second", here, "third", UPPER(RENAME_NOREPLACE)));
  char text[64];
  SHOW(syscall(SYS_readlinkat, here, "link", text, UPPER(sizeof text)));
  SHOW(syscall(SYS_readlink, "link", text, UPPER(-1)));
  SHOW(syscall(SYS_utimensat, here, "own", NULL, UPPER(AT_SYMLINK_NOFOLLOW)));
  SHOW(syscall(SYS_unlinkat, here, "third", UPPER(0)));
  show_stat("own");
  show_stat("directory");
  show_stat("fifo");
  SHOW(syscall(SYS_unlinkat, here, "directory", UPPER(AT_REMOVEDIR)));
  int directory = open("data/dir", O_RDONLY | O_DIRECTORY), watches = inotify_init();
  char entries[512];
  CHECK(syscall(SYS_getdents64, UPPER(directory), entries, UPPER(sizeof entries)));
  SHOW(syscall(SYS_inotify_add_watch, UPPER(watches), "data", UPPER(IN_CREATE)));
  struct statfs fs;
  SHOW(syscall(SYS_fstatfs, UPPER(fd), &fs));
  SHOW(syscall(SYS_setxattr, "own", "user.one", "x", 1, UPPER(0)));
  SHOW(syscall(SYS_umask, UPPER(0x10000 | 027)));
  SHOW(syscall(SYS_umask, UPPER(022)));
  SHOW(syscall(SYS_ioctl, UPPER(directory), UPPER(TCGETS), text));
  SHOW(syscall(SYS_ioctl, UPPER(fd), UPPER(FIONREAD), text));
  SHOW(syscall(SYS_prctl, UPPER(PR_GET_DUMPABLE), 0, 0, 0, 0));
  SHOW(syscall(SYS_prctl, UPPER(PR_SET_NAME), "upper", 0, 0, 0));
  SHOW(syscall(SYS_unshare, UPPER(CLONE_FILES)));
  SHOW(syscall(SYS_fcntl, UPPER(fd), UPPER(F_GETFD), 0));
  SHOW(syscall(SYS_socket, UPPER(AF_UNIX), UPPER(SOCK_STREAM), UPPER(0)) > 0);
  SHOW(syscall(SYS_fchdir, UPPER(directory)));
  SHOW(syscall(SYS_chdir, "../.."));
  IN_CHILD SHOW(syscall(SYS_execveat, here, "/bin/true", (char *[]){"true", NULL}, NULL, UPPER(0)));
}

#define PATHS(path) \
  SHOW(syscall(SYS_open, path, O_RDONLY)); \
  SHOW(syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT, 0600)); \
  SHOW(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how)); \
  SHOW(syscall(SYS_stat, path, &st)); \
  SHOW(syscall(SYS_lstat, path, &st)); \
  SHOW(syscall(SYS_newfstatat, AT_FDCWD, path, &st, 0)); \
  SHOW(syscall(SYS_statx, AT_FDCWD, path, 0, 0, &stx)); \
  SHOW(syscall(SYS_statfs, path, &fs)); \
  SHOW(syscall(SYS_access, path, 0)); \
  SHOW(syscall(SYS_readlink, path, text, sizeof text)); \
  SHOW(syscall(SYS_chmod, path, 0600)); \
  SHOW(syscall(SYS_chown, path, -1, -1)); \
  SHOW(syscall(SYS_truncate, path, 0UL)); \
  SHOW(syscall(SYS_utimensat, AT_FDCWD, path, &times, 0)); \
  SHOW(syscall(SYS_mkdir, path, 0700)); \
  SHOW(syscall(SYS_mknodat, AT_FDCWD, path, S_IFIFO | 0600, 0)); \
  SHOW(syscall(SYS_symlinkat, path, AT_FDCWD, "made")); \
  SHOW(syscall(SYS_symlinkat, "x", AT_FDCWD, path)); \
  SHOW(syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, "made", 0)); \
  SHOW(syscall(SYS_linkat, AT_FDCWD, "own", AT_FDCWD, path, 0)); \
  SHOW(syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, "made", 0)); \
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "own", AT_FDCWD, path, 0)); \
  SHOW(syscall(SYS_unlinkat, AT_FDCWD, path, 0)); \
  SHOW(syscall(SYS_chdir, path)); \
  SHOW(syscall(SYS_getxattr, path, "user.x", text, sizeof text)); \
  SHOW(syscall(SYS_inotify_add_watch, watches, path, IN_CREATE)); \
  SHOW(syscall(SYS_execve, path, NULL, NULL))

static void bad_paths(void) {
  struct open_how how = {0};
  struct stat st;
  struct statx stx;
  struct statfs fs;
  struct timespec times[2] = {{1, 0}, {2, 0}};
  char text[64];
  int watches = inotify_init();
  say("-- no path");
  PATHS(NULL);
  say("-- an address of the kernel's");
  PATHS(0xffff888000000000UL);
  say("-- an end that is not there");
  PATHS(at_edge("data/hello.txt", false));
  SHOW(syscall(SYS_chdir, at_edge("data", true)));
  SHOW(syscall(SYS_chdir, at_edge("..", true)));
  SHOW(syscall(SYS_open, at_edge("own", true), O_RDONLY) > 0);
  char *across = edge - PAGE - 8;
  memcpy(across, "data/dir/../hello.txt", 22);
  SHOW(syscall(SYS_stat, across, &st));
}

static void results(void) {
  char *last = edge - 8;
  int directory = open("data/dir", O_RDONLY | O_DIRECTORY), fd = open("data/hello.txt", O_RDONLY);
  void *places[] = {sealed, last, NULL};
  const char *labels[] = {"read-only", "cut off", "none"};
  for (int i = 0; i < 3; i++) {
    say("-- a result in memory that is %s", labels[i]);
    SHOW(syscall(SYS_stat, "own", places[i]));
    SHOW(syscall(SYS_fstat, fd, places[i]));
    SHOW(syscall(SYS_statx, AT_FDCWD, "own", 0, 0, places[i]));
    SHOW(syscall(SYS_statfs, "own", places[i]));
    SHOW(syscall(SYS_fstatfs, fd, places[i]));
    SHOW(syscall(SYS_readlink, "data/link", places[i], 64));
    SHOW(syscall(SYS_getdents64, directory, places[i], 512));
    SHOW(syscall(SYS_lseek, directory, 0, SEEK_SET));
    SHOW(syscall(SYS_getxattr, "data/dir/a", "user.lower", places[i], 64));
    SHOW(syscall(SYS_listxattr, "data/dir/a", places[i], 64));
    SHOW(syscall(SYS_rt_sigaction, SIGCHLD, NULL, places[i], 8));
    SHOW(syscall(SYS_prctl, PR_GET_NAME, places[i], 0, 0, 0));
    SHOW(syscall(SYS_ioctl, fd, FIONREAD, places[i]));
  }
}

static void structures(void) {
  int local = socket(AF_UNIX, SOCK_STREAM, 0), fd = open("data/hello.txt", O_RDONLY);
  void *last = edge - 2, *places[] = {last, bad_pointer()};
  for (int i = 0; i < 2; i++) {
    say("-- a structure that is %s", i ? "nowhere" : "cut off");
    SHOW(syscall(SYS_bind, local, places[i], sizeof(struct sockaddr_un)));
    SHOW(syscall(SYS_connect, local, places[i], sizeof(struct sockaddr_un)));
    SHOW(syscall(SYS_openat2, AT_FDCWD, "own", places[i], sizeof(struct open_how)));
    SHOW(syscall(SYS_utimensat, AT_FDCWD, "own", places[i], 0));
    SHOW(syscall(SYS_rt_sigaction, SIGCHLD, places[i], NULL, 8));
    SHOW(syscall(SYS_setxattr, "own", "user.x", places[i], 100, 0));
    SHOW(syscall(SYS_setxattr, "own", places[i], "x", 1, 0));
    SHOW(syscall(SYS_prctl, PR_SET_NAME, places[i], 0, 0, 0));
    SHOW(syscall(SYS_execve, "/bin/true", places[i], NULL));
    SHOW(syscall(SYS_execve, "/bin/true", NULL, places[i]));
  }
  SHOW(syscall(SYS_bind, local, "x", 1));
  SHOW(syscall(SYS_bind, local, "", -1));
  SHOW(syscall(SYS_connect, local, "", 1000));
  SHOW(syscall(SYS_bind, fd, "xxxx", 4));
  SHOW(syscall(SYS_rt_sigaction, SIGCHLD, NULL, NULL, 4));
  SHOW(syscall(SYS_rt_sigaction, SIGKILL, (char[152]){1}, NULL, 8));
  SHOW(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
}

int main(void) {
  char *memory = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  sealed = memory;
  mprotect(sealed, PAGE, PROT_READ);
  edge = memory + 4 * PAGE;
  munmap(edge, PAGE);
  upper_halves();
  bad_paths();
  results();
  structures();
}
