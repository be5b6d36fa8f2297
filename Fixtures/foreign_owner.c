// The owner and the mode of what has no name: pipes, sockets, memory files, terminals.
// calls: chmod chown fchmod fchmodat fchown fchownat utimensat
#include "observe.h"
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

static void change(const char *what, int fd) {
  char path[64];
  say("-- %s", what);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  show_fstat("before", fd);
  SHOW(fchmod(fd, 0640));
  show_fstat("then", fd);
  SHOW(fchmod(fd, 02755));
  SHOW(chmod(path, 0604));
  show_fstat("then", fd);
  SHOW(fchown(fd, -1, -1));
  SHOW(fchown(fd, getuid(), getgid()));
  SHOW(fchown(fd, 1234, 55));
  show_fstat("then", fd);
  SHOW(fchownat(fd, "", 1235, 56, AT_EMPTY_PATH));
  SHOW(chown(path, -1, 57));
  struct stat st;
  SHOW(stat(path, &st));
  say_stat("by its link", &st);
  SHOW(chmod(path, 0000));
  SHOW(fchown(fd, 0, 0));
  SHOW(futimens(fd, (struct timespec[]){{1000, 0}, {2000, 0}}));
  show_fstat("at last", fd);
}

int main(void) {
  int ends[2];
  QUIET(pipe(ends));
  change("a pipe", ends[0]);
  show_fstat("its other end", ends[1]);
  QUIET(pipe(ends));
  change("the other end of one", ends[1]);
  change("a local socket", socket(AF_UNIX, SOCK_STREAM, 0));
  change("a socket of the network", socket(AF_INET, SOCK_DGRAM, 0));
  QUIET(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
  change("one of a pair", ends[0]);
  show_fstat("the other", ends[1]);
  change("a memory file", memfd_create("x", 0));
  change("an event counter", eventfd(0, 0));
  change("an epoll set", epoll_create1(0));
  change("a file without a name", open(".", O_TMPFILE | O_RDWR, 0600));
  QUIET(mkfifo("fifo", 0600));
  change("a FIFO", open("fifo", O_RDWR));
  int fd = open("file", O_RDWR | O_CREAT, 0600);
  QUIET(unlink("file"));
  change("a removed file", fd);
  fd = open("fifo", O_RDWR);
  QUIET(unlink("fifo"));
  change("a removed FIFO", fd);
  closefrom(3);

  say("-- who may open it then");
  QUIET(pipe(ends));
  SHOW(fchmod(ends[1], 0200));
  SHOW(open("/proc/self/fd/4", O_WRONLY));
  if (getuid()) {
    SHOW(open("/proc/self/fd/3", O_RDONLY));
    SHOW(access("/proc/self/fd/3", R_OK));
  } else {
    SHOW(fchown(ends[1], 1234, 1234));
    IN_CHILD {
      QUIET(setresgid(1234, 1234, 1234));
      QUIET(setresuid(1234, 1234, 1234));
      SHOW(open("/proc/self/fd/4", O_WRONLY));
      SHOW(open("/proc/self/fd/4", O_RDONLY));
      SHOW(access("/proc/self/fd/4", W_OK));
      SHOW(access("/proc/self/fd/4", R_OK));
      SHOW(fchmod(4, 0600));
      SHOW(fchown(4, 0, -1));
    }
    show_fstat("the pipe", ends[0]);
  }
  closefrom(3);

  say("-- terminals");
  for (int turn = 0; turn < 2; turn++) {
    int master = QUIET(posix_openpt(O_RDWR | O_NOCTTY));
    SHOW(grantpt(master));
    SHOW(unlockpt(master));
    char name[64];
    QUIET(ptsname_r(master, name, sizeof name));
    int slave = QUIET(open(name, O_RDWR | O_NOCTTY));
    struct stat st, other;
    SHOW(stat(name, &st));
    SHOW(fstat(slave, &other));
    say("%s, mine %d, the same %d %d %d", type_name(st.st_mode), st.st_uid == getuid(), st.st_ino == other.st_ino,
        st.st_dev == other.st_dev, st.st_rdev == other.st_rdev);
    SHOW(chmod(name, 0640));
    SHOW(stat(name, &st));
    say("%o", st.st_mode);
    SHOW(fchmod(slave, 0622));
    SHOW(stat(name, &st));
    SHOW(fstat(slave, &other));
    say("%o %o", st.st_mode, other.st_mode);
    SHOW(chown(name, getuid(), getgid()));
    SHOW(fchown(slave, -1, getgid()));
    SHOW(chown(name, 1234, 1234));
    SHOW(stat(name, &st));
    say("%d %d", (int)st.st_uid, (int)st.st_gid);
    SHOW(utimensat(AT_FDCWD, name, NULL, 0));
    SHOW(isatty(slave));
    char found[64] = "";
    say("ttyname %d, %d", ttyname_r(slave, found, sizeof found), !strcmp(found, name));
    if (getuid() == 0) IN_CHILD {
      QUIET(setresgid(1234, 1234, 1234));
      QUIET(setresuid(1234, 1234, 1234));
      int own = open(name, O_RDWR | O_NOCTTY);
      say("opened by its owner %d", own >= 0);
      SHOW(fchmod(own, 0600));
      int another = posix_openpt(O_RDWR | O_NOCTTY);
      QUIET(ptsname_r(another, found, sizeof found));
      SHOW(stat(found, &st));
      say("its own terminal %d", (int)st.st_uid);
    }
    close(slave);
    close(master);
  }
}
