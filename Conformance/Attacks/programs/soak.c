// Thousands of short processes: forks, execs, files, pipes, threads, names that come and go, for so many seconds (argv[1]); beside them
// one that is stopped and continued without end, and one with so many mappings that each look at its /proc/<pid>/smaps takes long.
#include "../attack.h"

static void *thread(void *argument) {
  struct stat st;
  for (int i = 0; i < 5; i++) {
    stat("data/hello.txt", &st);
    close(open("data/dir/a", O_RDONLY));
  }
  return argument;
}

static void work(int turn) {
  char name[64];
  struct stat st;
  // The names are few, and what this process makes it takes away.
  snprintf(name, sizeof name, "/tmp/soak%d", turn % 50);
  mkdir(name, 0755);
  if (chdir(name) == 0) {
    int fd = open("file", O_CREAT | O_RDWR | O_TRUNC, 0644);
    NEEDS(write(fd, name, sizeof name) == sizeof name);
    fstat(fd, &st);
    close(fd);
    rename("file", "other");
    symlink("other", "link");
    readlink("link", name, sizeof name);
    stat("missing", &st);
    unlink("link");
    unlink("other");
    NEEDS(chdir(given("ATTACK_WORK")) == 0);
  }
  snprintf(name, sizeof name, "soak%d", turn % 50);
  close(open(name, O_CREAT | O_RDWR, 0644));
  chmod(name, 0600);
  unlink(name);
  int ends[2];
  NEEDS(pipe(ends) == 0);
  pid_t child = fork();
  NEEDS(child >= 0);
  if (child == 0) {
    write(ends[1], "x", 1);
    _exit(0);
  }
  char byte;
  NEEDS(read(ends[0], &byte, 1) == 1);
  waitpid(child, NULL, 0);
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) NEEDS(pthread_create(&threads[i], NULL, thread, NULL) == 0);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  snprintf(name, sizeof name, "soak%d.socket", turn % 50);
  struct sockaddr_un address = {AF_UNIX, ""};
  strcpy(address.sun_path, name);
  bind(s, (void *)&address, sizeof address);
  unlink(name);
  if (turn % 4 == 0) execl("/bin/true", "true", NULL);
  _exit(0);
}

// Adjacent mappings of different protections are different mappings.
static void look_at_many_mappings(void) {
  for (int i = 0; i < 3000; i++)
    if (mmap(NULL, 4096, i & 1 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) break;
  static const char *const files[] = {"/proc/self/smaps", "/proc/self/maps", "/proc/self/status", "/proc/self/task"};
  for (int i = 0;; i++) {
    static char bytes[1 << 16];
    int fd = open(files[i % 4], O_RDONLY);
    while (read(fd, bytes, sizeof bytes) > 0) {
    }
    close(fd);
    usleep(20000);
  }
}

static void stop_and_go_on(void) {
  pid_t child = fork();
  if (child == 0)
    for (struct stat st;;) stat("data/hello.txt", &st);
  for (;;) {
    kill(child, SIGSTOP);
    usleep(1000);
    kill(child, SIGCONT);
    usleep(1000);
  }
}

static pid_t beside(void (*body)(void)) {
  pid_t pid = fork();
  NEEDS(pid >= 0);
  if (pid) return pid;
  NEEDS(setpgid(0, 0) == 0);
  body();
  _exit(0);
}

int main(int argc, char **argv) {
  double end = now() + (argc > 1 ? atof(argv[1]) : 1);
  int turn = 0;
  pid_t others[] = {beside(look_at_many_mappings), beside(stop_and_go_on)};
  for (; now() < end; turn++) {
    pid_t pid = fork();
    NEEDS(pid >= 0);
    if (pid == 0) work(turn);
    // Three at a time.
    if (turn > 2) NEEDS(waitpid(-1, NULL, 0) > 0);
  }
  for (int i = 0; i < 2; i++) {
    setpgid(others[i], others[i]);
    kill(-others[i], SIGKILL);
  }
  while (waitpid(-1, NULL, 0) > 0) {
  }
  say("%d processes", turn);
  return 0;
}
