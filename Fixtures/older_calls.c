// Calls that libc no longer makes, because newer ones do the same: their own entries, as old programs and other
// languages' libraries make them.
// calls: access alarm chmod chown close creat dup2 epoll_create epoll_wait eventfd faccessat fork fstat futimesat
// calls: getdents getpgrp inotify_init lchown link lstat mkdir mknod open pipe poll readlink rename rmdir select
// calls: signalfd stat symlink time unlink utime utimes vfork
#include "observe.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/time.h>
#include <utime.h>

static void opening(void) {
  int fd = SHOW(syscall(SYS_open, "data/hello.txt", O_RDONLY, 0));
  struct stat st;
  SHOW(syscall(SYS_fstat, fd, &st));
  if (fd >= 0) say_stat("fstat", &st);
  SHOW(syscall(SYS_fstat, fd, bad_pointer()));
  SHOW(syscall(SYS_fstat, 99, &st));
  SHOW(syscall(SYS_close, fd));
  SHOW(syscall(SYS_close, fd));
  SHOW(syscall(SYS_open, "missing", O_RDONLY, 0));
  SHOW(syscall(SYS_open, "missing/x", O_WRONLY | O_CREAT, 0644));
  SHOW(syscall(SYS_open, "", O_RDONLY, 0));
  SHOW(syscall(SYS_open, bad_pointer(), O_RDONLY, 0));
  SHOW(syscall(SYS_open, "data/dir", O_WRONLY, 0));
  SHOW(syscall(SYS_open, "data/hello.txt", O_DIRECTORY, 0));
  fd = SHOW(syscall(SYS_open, "made", O_WRONLY | O_CREAT | O_EXCL, 0666));
  SHOW(write(fd, "made\n", 5));
  close(fd);
  SHOW(syscall(SYS_open, "made", O_WRONLY | O_CREAT | O_EXCL, 0666));
  fd = SHOW(syscall(SYS_creat, "made", 0600));
  show_fstat("creat", fd);
  close(fd);
  SHOW(syscall(SYS_stat, "data/hello.txt", &st));
  say_stat("stat", &st);
  SHOW(syscall(SYS_stat, "data/hello.txt", bad_pointer()));
  SHOW(syscall(SYS_stat, "data/hello.txt/x", &st));
  SHOW(syscall(SYS_symlink, "data/hello.txt", "soft"));
  SHOW(syscall(SYS_lstat, "soft", &st));
  say_stat("lstat", &st);
  SHOW(syscall(SYS_stat, "soft", &st));
  say_stat("stat", &st);
}

static void names(void) {
  char text[64];
  long length = SHOW(syscall(SYS_readlink, "soft", text, sizeof text));
  say("readlink %s", quote(text, length > 0 ? length : 0));
  SHOW(syscall(SYS_readlink, "soft", text, 0));
  SHOW(syscall(SYS_access, "data/hello.txt", R_OK));
  SHOW(syscall(SYS_access, "data/hello.txt", 8));
  SHOW(syscall(SYS_faccessat, AT_FDCWD, "data/hello.txt", R_OK));
  SHOW(syscall(SYS_faccessat, AT_FDCWD, "missing", F_OK));
  SHOW(syscall(SYS_faccessat, 99, "data/hello.txt", F_OK));
  SHOW(syscall(SYS_faccessat, AT_FDCWD, "data/hello.txt", 8));
  SHOW(syscall(SYS_mkdir, "directory", 0777));
  SHOW(syscall(SYS_mkdir, "directory", 0777));
  SHOW(syscall(SYS_rmdir, "directory"));
  SHOW(syscall(SYS_rmdir, "directory"));
  SHOW(syscall(SYS_mknod, "fifo", S_IFIFO | 0640, 0));
  SHOW(syscall(SYS_mknod, "fifo", S_IFIFO | 0640, 0));
  SHOW(syscall(SYS_mknod, "regular", 0600, 0));
  SHOW(syscall(SYS_mknod, "directory", S_IFDIR | 0700, 0));
  show_stat("fifo");
  show_stat("regular");
  SHOW(syscall(SYS_link, "made", "second"));
  SHOW(syscall(SYS_rename, "second", "third"));
  SHOW(syscall(SYS_rename, "second", "third"));
  SHOW(syscall(SYS_chmod, "third", 0711));
  SHOW(syscall(SYS_chown, "third", -1, -1));
  SHOW(syscall(SYS_lchown, "soft", -1, -1));
  show_stat("made");
  SHOW(syscall(SYS_unlink, "third"));
  SHOW(syscall(SYS_unlink, "third"));
  show_stat("made");
}

static void listing(void) {
  char buffer[2048];
  int fd = open("data/dir", O_RDONLY | O_DIRECTORY);
  long count = QUIET(syscall(SYS_getdents, fd, buffer, sizeof buffer));
  int entries = 0, dots = 0;
  for (long at = 0; at < count; at += *(unsigned short *)(buffer + at + 16)) {
    entries++;
    dots += buffer[at + 18] == '.';
  }
  say("getdents: %d entries, %d of dots", entries, dots);
  SHOW(syscall(SYS_getdents, fd, buffer, sizeof buffer));
  SHOW(syscall(SYS_getdents, fd, buffer, 1));
  close(fd);
}

static void show_times(const char *label) {
  struct stat st;
  stat("made", &st);
  say("%s: %ld.%09ld %ld.%09ld", label, (long)st.st_atim.tv_sec, (long)st.st_atim.tv_nsec, (long)st.st_mtim.tv_sec,
      (long)st.st_mtim.tv_nsec);
}

static void times_of_files(void) {
  SHOW(syscall(SYS_utime, "made", &(struct utimbuf){1000, 2000}));
  show_times("utime");
  SHOW(syscall(SYS_utimes, "made", ((struct timeval[]){{3000, 250000}, {4000, 500000}})));
  show_times("utimes");
  SHOW(syscall(SYS_utimes, "made", ((struct timeval[]){{3000, 1000000}, {4000, 0}})));
  SHOW(syscall(SYS_futimesat, AT_FDCWD, "made", ((struct timeval[]){{5000, 1}, {6000, 2}})));
  show_times("futimesat");
  int fd = open("made", O_RDONLY);
  SHOW(syscall(SYS_futimesat, fd, NULL, ((struct timeval[]){{7000, 1}, {8000, 2}})));
  show_times("futimesat of a descriptor");
  close(fd);
  SHOW(syscall(SYS_futimesat, 99, "made", NULL));
  SHOW(syscall(SYS_utime, "missing", NULL));
  SHOW(syscall(SYS_utime, "made", bad_pointer()));
  SHOW(syscall(SYS_utime, "made", NULL));
  struct stat st;
  stat("made", &st);
  say("utime without times is now: %d", labs((long)(time(NULL) - st.st_mtime)) < 60);
}

static void waiting(void) {
  int ends[2];
  SHOW(syscall(SYS_pipe, ends));
  SHOW(syscall(SYS_pipe, bad_pointer()));
  say("flags %#x %#x", fcntl(ends[0], F_GETFL), fcntl(ends[0], F_GETFD));
  fd_set set;
  FD_ZERO(&set);
  FD_SET(ends[0], &set);
  struct timeval none = {0, 0}, second = {5, 0};
  SHOW(syscall(SYS_select, ends[0] + 1, &set, NULL, NULL, &none));
  SHOW(write(ends[1], "x", 1));
  FD_SET(ends[0], &set);
  SHOW(syscall(SYS_select, ends[0] + 1, &set, NULL, NULL, &second));
  say("it says the time that is left: %d", second.tv_sec < 5 && second.tv_sec >= 3);
  SHOW(syscall(SYS_select, -1, NULL, NULL, NULL, &none));
  SHOW(syscall(SYS_select, 0, NULL, NULL, NULL, &(struct timeval){-1, 0}));
  struct pollfd wait = {ends[0], POLLIN, 0};
  SHOW(syscall(SYS_poll, &wait, 1, 0));
  say("poll saw %#x", wait.revents);
  SHOW(syscall(SYS_epoll_create, 0));
  int set_of = SHOW(syscall(SYS_epoll_create, 1));
  struct epoll_event event = {EPOLLIN, {.u32 = 7}};
  QUIET(epoll_ctl(set_of, EPOLL_CTL_ADD, ends[0], &event));
  SHOW(syscall(SYS_epoll_wait, set_of, &event, 1, 0));
  SHOW(syscall(SYS_epoll_wait, set_of, &event, 0, 0));
  SHOW(syscall(SYS_dup2, ends[0], ends[0]));
  SHOW(syscall(SYS_dup2, 99, ends[0]));
  int counter = SHOW(syscall(SYS_eventfd, 3));
  uint64_t value = 0;
  SHOW(read(counter, &value, sizeof value));
  say("eventfd had %d", (int)value);
  int watches = SHOW(syscall(SYS_inotify_init));
  SHOW(inotify_rm_watch(watches, 1));
  uint64_t mask = 1UL << (SIGUSR1 - 1);
  QUIET(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, 8));
  int signals = SHOW(syscall(SYS_signalfd, -1, &mask, 8));
  SHOW(syscall(SYS_signalfd, -1, &mask, 4));
  raise(SIGUSR1);
  char information[128];
  SHOW(read(signals, information, sizeof information));
  say("signalfd read %s", signal_name(*(int *)information));
}

static void processes(void) {
  pid_t child = (pid_t)syscall(SYS_fork);
  if (child == 0) _exit(3);
  wait_for("fork", child);
  child = vfork();
  if (child == 0) _exit(4);
  wait_for("vfork", child);
  say("getpgrp: %d", syscall(SYS_getpgrp) == getpgid(0));
  SHOW(syscall(SYS_alarm, 100));
  SHOW(syscall(SYS_alarm, 0) > 90);
  long now = 0;
  say("time: %d", syscall(SYS_time, &now) == now && now >= 1577836800);
  SHOW(syscall(SYS_time, bad_pointer()));
}

int main(void) {
  opening();
  names();
  listing();
  times_of_files();
  waiting();
  processes();
}
