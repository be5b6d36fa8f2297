// Threads and processes in /proc: who is there, for how long, and how many links that makes.
// calls: getdents64 newfstatat openat pidfd_send_signal
#include "observe.h"
#include <pthread.h>

static pthread_barrier_t barrier;
static pid_t thread_id;

static void *wait_twice(void *unused) {
  (void)unused;
  thread_id = (pid_t)syscall(SYS_gettid);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  return NULL;
}

static int lists(const char *path, pid_t id) {
  DIR *directory = opendir(path);
  if (!directory) return -errno;
  int seen = 0;
  for (struct dirent *entry; (entry = readdir(directory));) seen += atoi(entry->d_name) == id;
  closedir(directory);
  return seen;
}

static long links(const char *path) {
  struct stat st;
  return stat(path, &st) ? -errno : (long)st.st_nlink;
}

static void show_state(const char *path) {
  FILE *file = fopen(path, "re");
  char state = '?';
  if (file) {
    if (fscanf(file, "%*d %*s %c", &state) != 1) state = '!';
    fclose(file);
  }
  say("state in its stat: %c", state);
}

static void show_state_line(void) {
  FILE *file = fopen("/proc/thread-self/status", "re");
  char line[256];
  while (file && fgets(line, sizeof line, file))
    if (!strncmp(line, "State:", 6) || !strncmp(line, "Threads:", 8)) say("%s", quote(line, strlen(line) - 1));
  if (file) fclose(file);
}

static void threads(void) {
  char task[64], directory[32], text[64];
  struct stat st;
  pthread_t thread;
  say("links of task %ld, of self %ld, of its task %ld", links("/proc/self/task"), links("/proc/self"), links("/proc/thread-self"));
  pthread_barrier_init(&barrier, NULL, 2);
  QUIET(-pthread_create(&thread, NULL, wait_twice, NULL));
  pthread_barrier_wait(&barrier);
  snprintf(task, sizeof task, "/proc/self/task/%d", thread_id);
  snprintf(directory, sizeof directory, "/proc/%d", thread_id);
  say("links of task with a thread more %ld", links("/proc/self/task"));
  say("listed in task %d, in /proc %d", lists("/proc/self/task", thread_id), lists("/proc", thread_id));
  SHOW(stat(task, &st));
  SHOW(stat(directory, &st));
  snprintf(text, sizeof text, "%s/task", directory);
  say("its own directory lists it %d, and the first thread %d", lists(text, thread_id), lists(text, getpid()));
  snprintf(text, sizeof text, "%s/comm", directory);
  SHOW(access(text, R_OK));
  int held = open(task, O_RDONLY | O_DIRECTORY), own = open("/proc/self/task", O_RDONLY | O_DIRECTORY);
  char number[16];
  snprintf(number, sizeof number, "%d", thread_id);
  show_state("/proc/self/stat");
  show_state_line();
  pthread_barrier_wait(&barrier);
  QUIET(-pthread_join(thread, NULL));
  for (int i = 0; i < 100 && lists("/proc/self/task", thread_id) > 0; i++) usleep(10000);
  say("ended: listed %d, links %ld", lists("/proc/self/task", thread_id), links("/proc/self/task"));
  SHOW(stat(task, &st));
  SHOW(stat(directory, &st));
  SHOW(fstatat(own, number, &st, 0));
  SHOW(openat(held, "comm", O_RDONLY));
}

static void many(void) {
  // Never asked about while they lived.
  for (int i = 0; i < 20; i++) {
    pthread_t thread;
    pthread_barrier_init(&barrier, NULL, 2);
    QUIET(-pthread_create(&thread, NULL, wait_twice, NULL));
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    QUIET(-pthread_join(thread, NULL));
  }
  int count = 0;
  for (int tries = 0; tries < 100 && (tries == 0 || count > 3); tries++, usleep(10000)) {
    DIR *directory = opendir("/proc/self/task");
    for (count = 0; readdir(directory);) count++;
    closedir(directory);
  }
  say("entries of task after 20 threads: %d", count);
}

static void processes(void) {
  char path[32], children[64], text[64];
  pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  snprintf(path, sizeof path, "/proc/%d", child);
  snprintf(children, sizeof children, "/proc/self/task/%d/children", getpid());
  say("listed %d, links of task %ld", lists("/proc", child), (snprintf(text, sizeof text, "%s/task", path), links(text)));
  FILE *file = fopen(children, "re");
  int id = 0;
  say("a child %d", file && fscanf(file, "%d", &id) == 1 && id == child);
  if (file) fclose(file);
  struct stat st;
  snprintf(text, sizeof text, "/proc/%d/fd", child);
  QUIET(stat(text, &st));
  say("descriptors by size %ld, by list %d", (long)st.st_size, lists(text, 0) + lists(text, 1) + lists(text, 2));

  say("-- a directory of /proc as a pidfd");
  int directory = open(path, O_RDONLY | O_DIRECTORY), by_path = open(path, O_PATH), task = open("/proc/self/task", O_RDONLY);
  SHOW(syscall(SYS_pidfd_send_signal, directory, 0, NULL, 0));
  SHOW(syscall(SYS_pidfd_send_signal, by_path, 0, NULL, 0));
  SHOW(syscall(SYS_pidfd_send_signal, task, 0, NULL, 0));
  SHOW(syscall(SYS_pidfd_send_signal, directory, 65, NULL, 0));
  SHOW(syscall(SYS_pidfd_send_signal, directory, -1, NULL, 0));
  SHOW(syscall(SYS_pidfd_send_signal, directory, 0, NULL, 8));
  SHOW(syscall(SYS_pidfd_send_signal, directory, 0, NULL, 3));
  siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_USER};
  SHOW(syscall(SYS_pidfd_send_signal, directory, SIGUSR1, &info, 0));
  SHOW(syscall(SYS_pidfd_send_signal, directory, SIGUSR2, &info, 0));
  SHOW(syscall(SYS_pidfd_send_signal, directory, SIGUSR2, (void *)8, 0));
  SHOW(syscall(SYS_pidfd_send_signal, directory, SIGTERM, NULL, 0));
  int status;
  QUIET(waitpid(child, &status, 0));
  say("killed by %s", WIFSIGNALED(status) ? signal_name(WTERMSIG(status)) : "nothing");
  SHOW(syscall(SYS_pidfd_send_signal, directory, 0, NULL, 0));
  say("reaped: listed %d", lists("/proc", child));
  SHOW(stat(path, &st));
}

int main(void) {
  threads();
  many();
  processes();
}
