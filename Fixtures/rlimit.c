// getrlimit, setrlimit, prlimit, getrusage: lowering and hitting limits.
// calls: getrlimit getrusage prlimit64 setrlimit
#include "observe.h"

static void show(const char *label, int resource) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) < 0) say("%s: %s", label, error_name(errno));
  else say("%s: %lld %lld", label, (long long)limit.rlim_cur, (long long)limit.rlim_max);
}

int main(void) {
  struct rlimit limit, old;
  SHOW(getrlimit(RLIMIT_NOFILE, &limit));
  say("soft at most hard %d", limit.rlim_cur <= limit.rlim_max);
  show("stack", RLIMIT_STACK);
  show("fsize", RLIMIT_FSIZE);
  show("core", RLIMIT_CORE);
  limit = (struct rlimit){20, 30};
  SHOW(setrlimit(RLIMIT_NOFILE, &limit));
  show("nofile", RLIMIT_NOFILE);
  SHOW(open("data/hello.txt", O_RDONLY));
  SHOW(dup2(3, 19));
  SHOW(dup2(3, 20));
  SHOW(fcntl(3, F_DUPFD, 20));
  int opened = 0;
  while (open("data/hello.txt", O_RDONLY | O_CLOEXEC) >= 0) opened++;
  say("opened %d, then %s", opened, error_name(errno));
  SHOW(pipe((int[2]){0}));
  SHOW(socket(AF_UNIX, SOCK_STREAM, 0));
  closefrom(3);
  limit.rlim_cur = 25;
  SHOW(prlimit(0, RLIMIT_NOFILE, &limit, &old));
  say("old %ld", (long)old.rlim_cur);
  IN_CHILD {
    show("child's nofile", RLIMIT_NOFILE);
    execl("/bin/sh", "sh", "-c", "ulimit -n; ulimit -Hn", NULL);
  }
  limit = (struct rlimit){31, 30};
  SHOW(setrlimit(RLIMIT_NOFILE, &limit));
  SHOW(getrlimit(99, &limit));
  SHOW(setrlimit(99, &limit));
  SHOW(syscall(SYS_getrlimit, RLIMIT_CORE, bad_pointer()));
  SHOW(syscall(SYS_setrlimit, RLIMIT_CORE, bad_pointer()));
  SHOW(prlimit(1 << 28, RLIMIT_NOFILE, NULL, &old));

  say("-- of another process");
  int pipes[2];
  char byte;
  QUIET(pipe(pipes));
  pid_t pid = fork();
  if (pid == 0) {
    close(pipes[1]);
    QUIET(read(pipes[0], &byte, 1));
    show("nofile", RLIMIT_NOFILE);
    _exit(0);
  }
  limit = (struct rlimit){10, 20};
  SHOW(prlimit(pid, RLIMIT_NOFILE, &limit, &old));
  say("old %ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
  SHOW(prlimit(pid, RLIMIT_NOFILE, NULL, &old));
  say("now %ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
  limit = (struct rlimit){30, 20};
  SHOW(prlimit(pid, RLIMIT_NOFILE, &limit, NULL));
  SHOW(prlimit(pid, 99, &limit, NULL));
  limit = (struct rlimit){5, 20};
  SHOW(prlimit(pid, RLIMIT_NOFILE, &limit, bad_pointer()));
  SHOW(prlimit(pid, RLIMIT_NOFILE, bad_pointer(), NULL));
  SHOW(prlimit(1 << 28, RLIMIT_NOFILE, &limit, NULL));
  SHOW(prlimit(-1, RLIMIT_NOFILE, &limit, NULL));
  close(pipes[1]);
  close(pipes[0]);
  wait_for("child", pid);

  say("-- RLIMIT_FSIZE");
  IN_CHILD {
    limit = (struct rlimit){100, 100};
    QUIET(setrlimit(RLIMIT_FSIZE, &limit));
    int fd = QUIET(open("limited", O_WRONLY | O_CREAT, 0644));
    char block[80] = "";
    SHOW(write(fd, block, 80));
    SHOW(write(fd, block, 80));
    signal(SIGXFSZ, SIG_IGN);
    SHOW(write(fd, block, 80));
    signal(SIGXFSZ, SIG_DFL);
    write(fd, block, 80);
  }
  show_stat("limited");
  say("-- RLIMIT_CPU");
  IN_CHILD {
    limit = (struct rlimit){1, 2};
    QUIET(setrlimit(RLIMIT_CPU, &limit));
    for (volatile long i = 0;; i++) continue;
  }
  say("-- RLIMIT_AS, RLIMIT_DATA");
  IN_CHILD {
    limit = (struct rlimit){256 << 20, 256 << 20};
    QUIET(setrlimit(RLIMIT_AS, &limit));
    CHECK(mmap(NULL, 1 << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  say("-- usage");
  struct rusage usage;
  SHOW(getrusage(RUSAGE_SELF, &usage));
  say("memory %d", usage.ru_maxrss > 0);
  SHOW(getrusage(RUSAGE_CHILDREN, &usage));
  say("children used time %d", usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 500000);
  SHOW(getrusage(RUSAGE_THREAD, &usage));
  SHOW(getrusage(99, &usage));
  SHOW(getrusage(RUSAGE_SELF, bad_pointer()));
}
