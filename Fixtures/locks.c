// flock, POSIX record locks, open file description locks, and F_SETLEASE.
// calls: fcntl flock
#include "observe.h"
#include <sys/file.h>

static long lock(int fd, int command, short type, off_t start, off_t length) {
  struct flock what = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  return fcntl(fd, command, &what);
}

static void query(int fd, int command, short type, off_t start, off_t length) {
  struct flock what = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  if (fcntl(fd, command, &what) < 0) say("query: %s", error_name(errno));
  else if (what.l_type == F_UNLCK) say("query: free");
  else say("query: type %d start %ld length %ld, by the parent %d", what.l_type, (long)what.l_start, (long)what.l_len, what.l_pid == getppid());
}

static void run(const char *path) {
  say("-- flock of %s", path);
  int first = SHOW(open(path, O_RDWR)), second = SHOW(open(path, O_RDONLY));
  SHOW(flock(first, LOCK_EX));
  SHOW(flock(second, LOCK_EX | LOCK_NB));
  SHOW(flock(second, LOCK_SH | LOCK_NB));
  int copy = dup(first);
  SHOW(flock(copy, LOCK_UN));
  SHOW(flock(second, LOCK_SH | LOCK_NB));
  SHOW(flock(first, LOCK_SH | LOCK_NB));
  SHOW(flock(first, LOCK_EX | LOCK_NB));
  IN_CHILD SHOW(flock(first, LOCK_UN));
  SHOW(flock(second, LOCK_EX | LOCK_NB));
  close(second);
  SHOW(flock(first, LOCK_EX | LOCK_NB));
  IN_CHILD {
    int other = open(path, O_RDONLY);
    SHOW(flock(other, LOCK_SH | LOCK_NB));
  }
  closefrom(3);

  say("-- records of %s", path);
  int fd = SHOW(open(path, O_RDWR));
  SHOW(lock(fd, F_SETLK, F_WRLCK, 0, 10));
  SHOW(lock(fd, F_SETLK, F_RDLCK, 20, 10));
  IN_CHILD {
    int other = open(path, O_RDWR);
    SHOW(lock(other, F_SETLK, F_WRLCK, 5, 1));
    SHOW(lock(other, F_SETLK, F_WRLCK, 10, 10));
    SHOW(lock(other, F_SETLK, F_RDLCK, 20, 5));
    SHOW(lock(other, F_SETLK, F_WRLCK, 20, 5));
    query(other, F_GETLK, F_WRLCK, 0, 0);
    query(other, F_GETLK, F_RDLCK, 20, 0);
  }
  SHOW(lock(fd, F_SETLK, F_UNLCK, 3, 2));
  IN_CHILD query(fd, F_GETLK, F_WRLCK, 3, 2);
  // Closing any descriptor of the file drops them all.
  close(open(path, O_RDONLY));
  IN_CHILD query(fd, F_GETLK, F_WRLCK, 0, 0);

  say("-- waiting");
  SHOW(lock(fd, F_SETLK, F_WRLCK, 0, 0));
  pid_t pid = fork();
  if (pid == 0) {
    int other = open(path, O_RDWR);
    QUIET(lock(other, F_SETLKW, F_WRLCK, 0, 0));
    QUIET(pwrite(other, "child", 5, 0));
    _exit(0);
  }
  pause_ms(30);
  QUIET(pwrite(fd, "parent", 6, 0));
  SHOW(lock(fd, F_SETLK, F_UNLCK, 0, 0));
  wait_for("child", pid);
  show_file(path);

  say("-- open file description locks");
  int a = SHOW(open(path, O_RDWR)), b = SHOW(open(path, O_RDWR));
  SHOW(lock(a, F_OFD_SETLK, F_WRLCK, 0, 5));
  SHOW(lock(b, F_OFD_SETLK, F_WRLCK, 0, 5));
  SHOW(lock(b, F_OFD_SETLK, F_WRLCK, 5, 5));
  close(a);
  SHOW(lock(b, F_OFD_SETLK, F_WRLCK, 0, 5));
  closefrom(3);
}

int main(void) {
  put_file("new", "text");
  run("new");
  run("data/hello.txt");
  run("data/dir/a");

  say("-- a lock is on the file, not on its name");
  int fd = SHOW(open("data/secret", O_RDWR));
  SHOW(flock(fd, LOCK_EX));
  SHOW(rename("data/secret", "moved"));
  int other = SHOW(open("moved", O_RDONLY));
  SHOW(flock(other, LOCK_EX | LOCK_NB));
  QUIET(link("moved", "linked"));
  other = SHOW(open("linked", O_RDONLY));
  SHOW(flock(other, LOCK_EX | LOCK_NB));

  say("-- a reader locks, then a writer opens: copy up must not part them");
  int reader = SHOW(open("data/numbers.txt", O_RDONLY));
  SHOW(flock(reader, LOCK_EX));
  int writer = SHOW(open("data/numbers.txt", O_RDWR));
  SHOW(flock(writer, LOCK_EX | LOCK_NB));
  SHOW(lock(reader, F_SETLK, F_RDLCK, 0, 0));
  IN_CHILD {
    int mine = open("data/numbers.txt", O_RDWR);
    SHOW(lock(mine, F_SETLK, F_WRLCK, 0, 0));
  }

  say("-- refusals");
  SHOW(flock(99, LOCK_EX));
  SHOW(flock(fd, 99));
  int path = SHOW(open("moved", O_PATH));
  SHOW(flock(path, LOCK_EX));
  SHOW(lock(99, F_SETLK, F_WRLCK, 0, 0));
  SHOW(lock(reader, F_SETLK, F_WRLCK, 0, 0));
  SHOW(lock(fd, F_SETLK, 99, 0, 0));
  SHOW(lock(fd, F_SETLK, F_WRLCK, -1, 0));
  SHOW(fcntl(fd, F_SETLK, bad_pointer()));
  SHOW(lock(path, F_SETLK, F_RDLCK, 0, 0));
  int directory = SHOW(open("data", O_RDONLY));
  SHOW(flock(directory, LOCK_EX));
  int again = SHOW(open("data", O_RDONLY));
  SHOW(flock(again, LOCK_EX | LOCK_NB));

  say("-- deadlock");
  int pipes[2];
  char byte;
  QUIET(pipe(pipes));
  fd = SHOW(open("new", O_RDWR));
  SHOW(lock(fd, F_SETLK, F_WRLCK, 0, 1));
  pid_t pid = fork();
  if (pid == 0) {
    QUIET(lock(fd, F_SETLK, F_WRLCK, 1, 1));
    QUIET(write(pipes[1], "x", 1));
    QUIET(lock(fd, F_SETLKW, F_WRLCK, 0, 1));
    _exit(0);
  }
  QUIET(read(pipes[0], &byte, 1));
  pause_ms(30);
  SHOW(lock(fd, F_SETLKW, F_WRLCK, 1, 1));
  SHOW(lock(fd, F_SETLK, F_UNLCK, 0, 1));
  wait_for("child", pid);
}
