// Numbers at the edge of what arithmetic holds, in every argument of every call that the supervisor answers.
#include "attack.h"
#include <dirent.h>
#include <sys/inotify.h>
#include <sys/time.h>
#include <utime.h>

static const long edges[] = {0, 1, -1, 2, -2, 255, 256, 4095, 4096, 4097, 65536, 65537, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
                             LONG_MAX, LONG_MIN, LONG_MAX - 1, LONG_MIN + 1, LONG_MAX / 1000000000, LONG_MAX / 1000000000 + 1, -100, 0xffffff9c};
enum { COUNT = sizeof edges / sizeof *edges };

int main(void) {
  // The position of a directory's descriptor is what the next listing begins at.
  char buffer[4096];
  const char *directories[] = {"data", "/", "/proc", "/proc/self", "/proc/self/fd", "/dev", "/dev/pts", "/tmp", "data/emptydir"};
  for (unsigned i = 0; i < sizeof directories / sizeof *directories; i++) {
    int fd = open(directories[i], O_RDONLY | O_DIRECTORY);
    for (int j = 0; j < COUNT; j++) {
      lseek(fd, edges[j], SEEK_SET);
      for (int k = 0; k < COUNT; k++) {
        syscall(SYS_getdents64, fd, buffer, edges[k] & 0xfff);
        syscall(SYS_getdents, fd, buffer, edges[k] & 0xfff);
      }
      lseek(fd, edges[j], SEEK_SET);
      syscall(SYS_getdents64, fd, NULL, edges[j]);
      lseek(fd, edges[j], SEEK_END);
      syscall(SYS_getdents64, fd, buffer, sizeof buffer);
    }
    close(fd);
  }
  // Times beyond what nanoseconds in 64 bits hold.
  int file = open("data/hello.txt", O_RDWR);
  NEEDS(file >= 0);
  struct stat st;
  for (int i = 0; i < COUNT; i++)
    for (int j = 0; j < COUNT; j++) {
      struct timespec times[2] = {{edges[i], edges[j]}, {edges[i], (i * 7919) % 1000000000}};
      struct timeval old_times[2] = {{edges[i], edges[j]}, {edges[i], 999999}};
      struct timeval valid[2] = {{edges[i], 1}, {edges[i], 999999}};
      utimensat(AT_FDCWD, "data/hello.txt", times, 0);
      times[0].tv_nsec = 1;
      utimensat(AT_FDCWD, "data/hello.txt", times, 0);
      futimens(file, times);
      utimensat(AT_FDCWD, "data/dir", times, 0);
      utimensat(AT_FDCWD, "data/link", times, AT_SYMLINK_NOFOLLOW);
      syscall(SYS_utimes, "data/hello.txt", old_times);
      syscall(SYS_utimes, "data/hello.txt", valid);
      syscall(SYS_futimesat, AT_FDCWD, "data/hello.txt", valid);
      syscall(SYS_utime, "data/hello.txt", &edges[i]);
      stat("data/hello.txt", &st);
      stat("data/dir", &st);
      lstat("data/link", &st);
    }
  // Lengths and offsets.
  for (int i = 0; i < COUNT; i++) {
    truncate("data/numbers.txt", edges[i]);
    stat("data/numbers.txt", &st);
    ftruncate(file, edges[i]);
    fstat(file, &st);
    for (int mode = 0; mode < 4; mode++) syscall(SYS_fallocate, file, mode, edges[i], 1);
    lseek(file, edges[i], SEEK_SET);
    write(file, "x", 1);
    pwrite(file, "x", 1, edges[i]);
    close(open("data/hello.txt", O_RDWR | O_APPEND));
  }
  truncate("data/numbers.txt", 0);
  ftruncate(file, 0);
  // Every argument of what is emulated, against paths that exist, and descriptors that do.
  static const int calls[] = {
      SYS_open, SYS_openat, SYS_creat, SYS_openat2, SYS_stat, SYS_lstat, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_access, SYS_faccessat, SYS_faccessat2,
      SYS_mkdir, SYS_mkdirat, SYS_mknod, SYS_mknodat, SYS_readlink, SYS_readlinkat, SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr, SYS_listxattr,
      SYS_llistxattr, SYS_flistxattr, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr, SYS_fremovexattr, SYS_chmod, SYS_fchmod, SYS_fchmodat,
      452 /* fchmodat2 */, SYS_chown, SYS_lchown, SYS_fchown, SYS_fchownat, SYS_symlink, SYS_symlinkat, SYS_link, SYS_linkat, SYS_rename,
      SYS_renameat, SYS_renameat2, SYS_unlink, SYS_unlinkat, SYS_rmdir, SYS_truncate, SYS_statfs, SYS_fstatfs, SYS_inotify_add_watch, SYS_utimensat,
      SYS_name_to_handle_at, SYS_chdir, SYS_fchdir, SYS_execveat, SYS_connect, SYS_bind, SYS_rt_sigaction, SYS_ioctl, SYS_fcntl, SYS_prlimit64, SYS_sched_getaffinity,
      SYS_sched_setaffinity, SYS_umask, SYS_getdents64,
      SYS_clone, SYS_unshare, SYS_prctl, SYS_set_robust_list, SYS_set_tid_address, SYS_getrandom, SYS_utime, SYS_utimes, SYS_futimesat};
  static const char *paths[] = {"data/hello.txt", "data/dir", "", "user.lower", "data/new-name", "/proc/self/fd/0", "data/link"};
  IN_CHILD {
    setsid();
    unsigned state = 1;
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
      for (int round = 0; round < 60; round++) {
        // What only makes more processes is not the point.
        if (calls[i] == SYS_clone && round > 2) break;
        long a[6];
        for (int j = 0; j < 6; j++) {
          state = state * 1103515245 + 12345;
          unsigned choice = state >> 16;
          a[j] = choice % 3 == 0 ? (long)paths[choice / 3 % 7] : choice % 3 == 1 ? edges[choice / 3 % COUNT] : choice % 6 == 2 ? file : (long)buffer;
        }
        if (calls[i] == SYS_clone) a[0] = SIGCHLD | (a[0] & 0x7e020000l) | 0x02000000, a[1] = 0;
        alarm(5);
        long result = syscall(calls[i], a[0], a[1], a[2], a[3], a[4], a[5]);
        if (calls[i] == SYS_clone && result == 0) _exit(0);
        if (result > 3 && result < 4096 && (calls[i] == SYS_open || calls[i] == SYS_openat || calls[i] == SYS_creat || calls[i] == SYS_openat2)) close((int)result);
      }
  }
  IN_CHILD execl("/bin/true", "true", NULL);
  if (child_status) escaped("nothing runs any more: %#x", child_status);
  return verdict();
}
