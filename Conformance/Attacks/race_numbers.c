// options: --process-numbers --time advancing
// Fights for its registers: a call with a process's number is made again by ptrace(2) with another in its place, and meanwhile the caller is
// traced by its own debugger, stopped, signalled, killed, becomes another program, is a child of vfork, has a filter of its own. Whoever gets a
// signal must be the one that it was sent to, and nobody may be left stopped or traced.
#include "attack.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ptrace.h>
#include <sys/time.h>

static volatile int *counts; // shared: of the target, of bystanders
static void hit_target(int signal) { (void)signal, counts[0]++; }
static void hit_other(int signal) { (void)signal, counts[1]++; }
static void nothing(int signal) { (void)signal; }
static const struct sigaction interrupting = {.sa_handler = nothing}; // without SA_RESTART

static int target; // by its own number

// A process that only counts what it gets.
static pid_t bystander(void (*handler)(int), int *number) {
  int pipes[2];
  NEEDS(pipe(pipes) == 0);
  pid_t child = fork();
  if (!child) {
    signal(SIGUSR1, handler);
    int own = getpid();
    NEEDS(write(pipes[1], &own, sizeof own) == sizeof own);
    for (;;) pause();
  }
  NEEDS(read(pipes[0], number, sizeof *number) == sizeof *number);
  close(pipes[0]), close(pipes[1]);
  return child;
}

static void *send_many(void *argument) {
  (void)argument;
  for (int i = 0; i < 50; i++) {
    long result = kill(target, SIGUSR1);
    if (result && errno != EINTR && errno != EPERM && errno != ESRCH && errno != ENOSYS) escaped("kill: %s", strerror(errno));
  }
  return NULL;
}

static void wait_for(pid_t child) {
  int status;
  for (int i = 0; i < 1500; i++) {
    pid_t who = waitpid(child, &status, WNOHANG | __WALL);
    if (who == child && !WIFSTOPPED(status)) return;
    if (who == child) ptrace(PTRACE_CONT, child, 0, 0);
    if (who < 0 && errno == ECHILD) return;
    usleep(2000);
  }
  escaped("a process does not end");
  kill(child, SIGKILL);
}

static void filter(unsigned action) {
  struct sock_filter code[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_kill},
      {BPF_RET | BPF_K, 0, 0, action},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &(struct sock_fprog){4, code});
}

int main(int count, char **arguments) {
  if (count > 1) return 0; // what a sender has become
  counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int number;
  pid_t others[3] = {bystander(hit_target, &target), bystander(hit_other, &number), bystander(hit_other, &number)};
  pthread_t threads[4];
  for (double end = now() + 4 * patience(); now() < end;)
    for (int way = 0; way < 10; way++) {
      pid_t sender = fork();
      NEEDS(sender >= 0);
      if (!sender) {
        sigaction(SIGUSR2, &interrupting, NULL);
        if (way == 1) ptrace(PTRACE_TRACEME, 0, 0, 0);
        if (way == 4) filter(SECCOMP_RET_ERRNO | EPERM);
        if (way == 5) filter(SECCOMP_RET_TRACE);
        if (way == 6 && !vfork()) {
          kill(target, SIGUSR1);
          _exit(0);
        }
        if (way == 7) {
          sigaction(SIGALRM, &interrupting, NULL);
          setitimer(ITIMER_REAL, &(struct itimerval){{0, 60}, {0, 60}}, NULL);
        }
        for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, send_many, NULL);
        if (way == 8) usleep(500), execl("/proc/self/exe", arguments[0], "again", NULL);
        if (way == 9) usleep(300), _exit(0);
        send_many(NULL);
        for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
        _exit(0);
      }
      for (int i = 0; i < 20; i++) {
        int status;
        switch (way) {
        case 0: kill(sender, SIGUSR2); break;
        case 1:
          if (waitpid(sender, &status, WNOHANG) == sender && WIFSTOPPED(status)) ptrace(PTRACE_CONT, sender, 0, 0);
          break;
        case 2:
          // Its own debugger, which comes and goes, and stops it at each call.
          if (ptrace(PTRACE_SEIZE, sender, 0, PTRACE_O_TRACESYSGOOD) == 0) {
            ptrace(PTRACE_INTERRUPT, sender, 0, 0);
            if (waitpid(sender, &status, __WALL) == sender && WIFSTOPPED(status)) ptrace(PTRACE_DETACH, sender, 0, 0);
          }
          break;
        case 3: kill(sender, SIGSTOP), usleep(100), kill(sender, SIGCONT); break;
        default: break;
        }
        usleep(100);
      }
      if (way == 0) usleep(200 + counts[0] % 1000), kill(sender, SIGKILL);
      wait_for(sender);
    }
  if (counts[1]) escaped("%d signals for somebody else", counts[1]);
  if (!counts[0]) escaped("nobody was ever signalled");
  for (int i = 0; i < 3; i++) {
    int status;
    if (waitpid(others[i], &status, WNOHANG) != 0) escaped("a bystander has ended: %#x", status);
    char path[64], text[2048] = "";
    snprintf(path, sizeof path, "/proc/%d/status", others[i]);
    int fd = open(path, O_RDONLY);
    NEEDS(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    if (!strstr(text, "TracerPid:\t0\n") || strstr(text, "State:\tt") || strstr(text, "State:\tT")) escaped("a bystander is traced or stopped");
    kill(others[i], SIGKILL);
    waitpid(others[i], NULL, 0);
  }
  return verdict();
}
