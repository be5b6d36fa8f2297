// fork: what the child shares, what it copies, and how results come back.
// calls: clone getpid getppid gettid wait4
#include "observe.h"

static int shared = 1;

int main(void) {
  pid_t parent = getpid();
  int fd = QUIET(open("file", O_RDWR | O_CREAT, 0644));
  QUIET(write(fd, "0123456789", 10));
  QUIET(lseek(fd, 2, SEEK_SET));
  char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  strcpy(own, "parent's");
  IN_CHILD {
    say("parent known %d, other pid %d, gettid is getpid %d", getppid() == parent, getpid() != parent, gettid() == getpid());
    shared = 2;
    strcpy(page, "written by the child");
    strcpy(own, "child's");
    QUIET(lseek(fd, 5, SEEK_SET));
    QUIET(fcntl(fd, F_SETFD, FD_CLOEXEC));
    QUIET(fcntl(fd, F_SETFL, O_APPEND));
    QUIET(chdir("data"));
    umask(077);
    QUIET(open("hello.txt", O_RDONLY));
    _exit(42);
  }
  say("variable %d, shared page %s, private page %s", shared, page, own);
  say("position %ld, close on exec %d, append %d", (long)lseek(fd, 0, SEEK_CUR), fcntl(fd, F_GETFD),
      (fcntl(fd, F_GETFL) & O_APPEND) != 0);
  SHOW(access("data", F_OK));
  SHOW(fcntl(fd + 1, F_GETFD));
  say("umask %04o", umask(022));

  say("-- the child goes on after the descriptor is closed in the parent");
  int pipes[2];
  QUIET(pipe(pipes));
  pid_t pid = fork();
  if (pid == 0) {
    char text[16];
    close(pipes[1]);
    ssize_t n = read(pipes[0], text, sizeof text);
    say("child reads %s", quote(text, n));
    n = pread(fd, text, 4, 0);
    say("and the file %s", quote(text, n));
    put_file("made-by-child", "text");
    _exit(0);
  }
  close(fd);
  QUIET(unlink("file"));
  QUIET(write(pipes[1], "go", 2));
  wait_for("child", pid);
  show_file("made-by-child");

  say("-- grandchildren");
  IN_CHILD {
    IN_CHILD {
      IN_CHILD {
        put_file("data/great-grandchild", "deep");
        _exit(3);
      }
      _exit(2);
    }
    _exit(1);
  }
  show_file("data/great-grandchild");

  say("-- statuses");
  static const int codes[] = {0, 1, 127, 128, 255, 256, -1};
  for (int i = 0; i < 7; i++) {
    pid = fork();
    if (pid == 0) _exit(codes[i]);
    wait_for("child", pid);
  }
  IN_CHILD abort();
  IN_CHILD raise(SIGKILL);
  IN_CHILD raise(SIGSEGV);
  IN_CHILD *(volatile int *)bad_pointer() = 1;
  IN_CHILD raise(SIGTERM);

  say("-- a hundred in a row");
  int good = 0;
  for (int i = 0; i < 100; i++) {
    pid = fork();
    if (pid == 0) _exit(i);
    int status;
    good += waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == i;
  }
  say("good %d", good);

  say("-- fifty at once");
  int sum = 0;
  for (int i = 0; i < 50; i++) {
    pid = fork();
    if (pid == 0) {
      char name[16];
      snprintf(name, sizeof name, "many%d", i);
      put_file(name, "x");
      struct stat st;
      _exit(stat(name, &st) == 0 && unlink(name) == 0 ? 1 : 0);
    }
  }
  for (int status; wait(&status) > 0;) sum += WEXITSTATUS(status);
  say("sum %d", sum);
  SHOW(wait(NULL));
}
