// On which processors the caller, its threads and its children may run, also while one of them opens files all the time.
// calls: getcpu sched_getaffinity sched_setaffinity
#include "unprivileged.h"
#include <pthread.h>
#include <sched.h>

// Masks as the kernel takes them: more than a machine has.
enum { SIZE = 1024 };
typedef unsigned char Mask[SIZE];

static Mask all, first;
static int pipes[2];

static long get(pid_t pid, unsigned long length, void *mask) { return syscall(SYS_sched_getaffinity, pid, length, mask); }
static long set(pid_t pid, unsigned long length, const void *mask) { return syscall(SYS_sched_setaffinity, pid, length, mask); }

static bool is(pid_t pid, const Mask expected) {
  Mask mask = {0};
  return get(pid, SIZE, mask) > 0 && memcmp(mask, expected, SIZE) == 0;
}

static void look_for(void) {
  CHECK(get(0, SIZE, all));
  int i = 0;
  while (!all[i]) i++;
  first[i] = (unsigned char)(all[i] & -all[i]);
}

static void of(const char *who, pid_t pid) {
  say("-- of %s", who);
  Mask mask = {0};
  long size = get(pid, SIZE, mask);
  say("as many bytes as there are: %d, all %d", size == get(0, SIZE, mask), is(pid, all));
  SHOW(set(pid, SIZE, first));
  say("first %d", is(pid, first));
  SHOW(set(pid, SIZE, all));
  say("all %d", is(pid, all));
  SHOW(set(pid, sizeof(long), first));
  SHOW(set(pid, 1, first));
  say("first %d", is(pid, first));
  SHOW(set(pid, 0, bad_pointer()));
  SHOW(set(pid, 0xffffffff, all));
  SHOW(set(pid, 1UL << 32, all));
  say("all %d", is(pid, all));
  Mask none = {0};
  SHOW(set(pid, SIZE, none));
  SHOW(set(pid, SIZE, bad_pointer()));
  SHOW(set(pid, SIZE, NULL));
  SHOW(get(pid, SIZE, bad_pointer()));
  SHOW(get(pid, SIZE, NULL));
  static const unsigned long lengths[] = {0, 1, 4, 7, 9, 12, 1023, 1 << 29, 0x20000001, 0xfffffffc, 1UL << 32};
  for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    say("length %#lx", lengths[i]);
    SHOW(get(pid, lengths[i], mask));
    SHOW(get(pid, lengths[i], bad_pointer()));
  }
  SHOW(get(pid, 0xfffffff8, mask) == size);
  SHOW(get(pid, 1UL << 32 | SIZE, mask) == size);
  // No byte beyond is read or written.
  char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  QUIET(mprotect(memory + 4096, 4096, PROT_NONE));
  char *end = memory + 4096 - size;
  SHOW(get(pid, SIZE, end) == size);
  SHOW(set(pid, SIZE, end));
  SHOW(get(pid, SIZE, end + 1));
  SHOW(set(pid, SIZE, end + 1));
  munmap(memory, 8192);
  say("still all %d", is(pid, all));
}

static void *wait_for_end(void *result) {
  char byte;
  __atomic_store_n((pid_t *)result, gettid(), __ATOMIC_SEQ_CST);
  QUIET(read(pipes[0], &byte, 1));
  return NULL;
}

static pid_t number_of(pid_t *thread) {
  pid_t number;
  while (!(number = __atomic_load_n(thread, __ATOMIC_SEQ_CST))) sched_yield();
  return number;
}

static void of_everybody(void) {
  of("the caller", 0);
  of("the caller by its number", getpid());
  QUIET(pipe(pipes));
  pthread_t thread;
  pid_t number = 0;
  QUIET(pthread_create(&thread, NULL, wait_for_end, &number));
  of("a thread", number_of(&number));
  pid_t child = fork();
  if (child == 0) {
    close(pipes[1]);
    pthread_create(&thread, NULL, wait_for_end, &number);
    char byte;
    QUIET(read(pipes[0], &byte, 1));
    _exit(0);
  }
  // Perhaps before it has made any call.
  of("a child", child);
  IN_CHILD of("a sibling", child);
  close(pipes[1]);
  pthread_join(thread, NULL);
  for (int i = 0; i < 1000 && syscall(SYS_tgkill, getpid(), number, 0) == 0; i++) pause_ms(1);
  say("-- of a thread that has ended");
  Mask mask;
  SHOW(get(number, SIZE, mask));
  SHOW(set(number, SIZE, all));
  siginfo_t information;
  QUIET(waitid(P_PID, (id_t)child, &information, WEXITED | WNOWAIT));
  say("-- of a child that has ended");
  say("is there %d", get(child, SIZE, mask) > 0);
  SHOW(set(child, SIZE, all));
  wait_for("child", child);
  SHOW(get(child, SIZE, mask));
  SHOW(set(child, SIZE, all));
  close(pipes[0]);
}

static void of_nobody(void) {
  say("-- of nobody");
  Mask mask;
  static const pid_t nobody[] = {4194303, -1, INT_MIN};
  for (int i = 0; i < 3; i++) {
    SHOW(get(nobody[i], SIZE, mask));
    SHOW(set(nobody[i], SIZE, all));
    SHOW(get(nobody[i], 4, mask));
    SHOW(get(nobody[i], SIZE, bad_pointer()));
    SHOW(set(nobody[i], SIZE, bad_pointer()));
    SHOW(set(nobody[i], 0, bad_pointer()));
  }
  say("init's can be asked for: %d", get(1, SIZE, mask) > 0);
}

static void of_other_users(void) {
  say("-- of other users");
  pid_t parent = getpid(), child = fork();
  if (child == 0) {
    drop_privilege();
    SHOW(set(parent, SIZE, all));
    say("can be asked for: %d", is(parent, all));
    raise(SIGSTOP);
    _exit(0);
  }
  int status;
  QUIET(waitpid(child, &status, WUNTRACED));
  SHOW(set(child, SIZE, first));
  say("first %d", is(child, first));
  QUIET(kill(child, SIGKILL));
  wait_for("child", child);
}

static void *born(void *unused) {
  (void)unused;
  return (void *)(long)is(0, first);
}

static void of_the_new_born(void) {
  say("-- of the new-born");
  // libc sets the mask of a thread that it holds back until then.
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setaffinity_np(&attributes, SIZE, (cpu_set_t *)first);
  long wrong = 0;
  for (int i = 0; i < 50; i++) {
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, &attributes, born, NULL) || pthread_join(thread, &result) || !result) wrong++;
  }
  for (int i = 0; i < 50; i++) {
    pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    if (set(child, SIZE, first) || !is(child, first)) wrong++;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
  say("wrong %ld", wrong);
}

static bool done;

static void *open_files(void *result) {
  __atomic_store_n((pid_t *)result, gettid(), __ATOMIC_SEQ_CST);
  long failed = 0;
  while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
    int fd = open("data/hello.txt", O_RDONLY | O_CLOEXEC);
    if (fd < 0) failed++;
    close(fd);
    // What it sees itself is what the first thread sets.
    Mask mask = {0};
    if (get(0, SIZE, mask) < 0 || (memcmp(mask, all, SIZE) && memcmp(mask, first, SIZE))) failed++;
  }
  return (void *)failed;
}

static bool status_says(pid_t thread, bool all_of_them) {
  char path[64], text[8192], *line, *end;
  snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0) return false;
  text[n] = 0;
  if (!(line = strstr(text, "Cpus_allowed:\t")) || !(end = strchr(line, '\n'))) return false;
  static char of_all[2048];
  *end = 0;
  if (!*of_all) strcpy(of_all, line);
  return !all_of_them || strcmp(line, of_all) == 0;
}

static void of_who_opens_files(void) {
  say("-- of a thread that opens files");
  pthread_t thread;
  pid_t number = 0;
  status_says(getpid(), true);
  QUIET(pthread_create(&thread, NULL, open_files, &number));
  number_of(&number);
  long others = 0, lost = 0;
  for (int i = 0; i < 20000; i++) others += !is(number, all);
  say("other masks %ld", others);
  for (int i = 0; i < 500; i++) others += !status_says(number, true);
  say("other masks in /proc %ld", others);
  for (int i = 0; i < 1000; i++) {
    Mask mask = {0};
    const unsigned char *wanted = i % 2 ? all : first;
    if (pthread_setaffinity_np(thread, SIZE, (const cpu_set_t *)wanted)) lost++;
    sched_yield();
    if (pthread_getaffinity_np(thread, SIZE, (cpu_set_t *)mask) || memcmp(mask, wanted, SIZE)) lost++;
  }
  say("lost %ld", lost);
  __atomic_store_n(&done, true, __ATOMIC_RELAXED);
  void *failed;
  pthread_join(thread, &failed);
  say("failed %ld", (long)failed);
}

static void of_children(void) {
  say("-- of children");
  IN_CHILD {
    SHOW(set(0, SIZE, first));
    unsigned cpu = 99, node = 99;
    SHOW(syscall(SYS_getcpu, &cpu, &node, NULL));
    say("on the one that was asked for: %d, node %u", (first[cpu / 8] >> cpu % 8 & 1) == 1, node);
    SHOW(syscall(SYS_getcpu, NULL, NULL, NULL));
    SHOW(syscall(SYS_getcpu, bad_pointer(), NULL, NULL));
    IN_CHILD say("inherited %d", is(0, first));
  }
}

int main(void) {
  look_for();
  of_everybody();
  of_nobody();
  of_children();
  of_other_users();
  of_the_new_born();
  of_who_opens_files();
}
