// Numbers of processes as they know them: where getpid's, getppid's and those of groups and sessions can be used. What fork returns is not
// compared with what the child says of itself: in a run with process numbers they are two names of one process.
// calls: getpid getppid gettid getpgid getpgrp getsid setpgid kill tkill tgkill rt_sigqueueinfo pidfd_open wait4 waitid prlimit64
// calls: sched_getscheduler getpriority setpriority process_vm_readv fcntl readlink
#include "observe.h"
#include <pthread.h>
#include <sched.h>
#include <sys/uio.h>

static volatile sig_atomic_t caught;
static siginfo_t information;
static void handler(int number, siginfo_t *told, void *context) {
  (void)context;
  caught = number;
  information = *told;
}

static void sent(const char *how) {
  say("%s: %s, code %d", how, caught ? signal_name(caught) : "nothing", caught ? information.si_code : 0);
  caught = 0;
}

static void *waiting(void *unused) {
  for (;;) pause();
  return unused;
}

static void *another(void *unused) {
  say("thread: own number %d, group known %d", gettid() != getpid(), getpgid(getpid()) == getpgrp());
  SHOW(tgkill(getpid(), gettid(), 0));
  return unused;
}

static int number_in(const char *path, const char *label) {
  char text[4096];
  int file = open(path, O_RDONLY);
  ssize_t n = file < 0 ? -1 : read(file, text, sizeof text - 1);
  if (file >= 0) close(file);
  if (n < 0) return -1;
  text[n] = 0;
  char *place = *label ? strstr(text, label) : text;
  return place ? atoi(place + strlen(label)) : -1;
}

// A child that tells its number and waits.
static pid_t make_child(pid_t *itself, bool leads) {
  int pipes[2];
  QUIET(pipe(pipes));
  pid_t pid = fork();
  if (pid == 0) {
    pid_t own = getpid();
    if (leads) QUIET(setpgid(own, own));
    QUIET(write(pipes[1], &own, sizeof own));
    for (;;) pause();
  }
  QUIET(read(pipes[0], itself, sizeof *itself));
  close(pipes[0]);
  close(pipes[1]);
  return pid;
}

static void end(const char *name, pid_t pid) {
  int status = 0;
  pid_t ended = waitpid(pid, &status, 0);
  say("%s: %s %s", name, ended < 0 ? error_name(errno) : "ended",
      WIFSIGNALED(status) ? signal_name(WTERMSIG(status)) : "by itself");
}

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGIO, &action, NULL);
  pid_t own = getpid();
  say("first thread %d, again %d", gettid() == own, getpid() == own);

  say("-- signals to itself");
  SHOW(raise(SIGUSR1)), sent("raise");
  SHOW(kill(getpid(), SIGUSR1)), sent("kill");
  SHOW(syscall(SYS_tkill, getpid(), SIGUSR1)), sent("tkill");
  SHOW(tgkill(getpid(), gettid(), SIGUSR1)), sent("tgkill");
  SHOW(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 7}));
  say("sender is itself %d", information.si_pid == getpid()), sent("sigqueue");
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  SHOW(kill(getpid(), SIGUSR1)), sent("blocked");
  sigprocmask(SIG_UNBLOCK, &set, NULL), sent("no more");

  say("-- threads");
  pthread_t thread;
  pthread_create(&thread, NULL, another, NULL), pthread_join(thread, NULL);
  pthread_create(&thread, NULL, waiting, NULL);
  void *result = NULL;
  SHOW(pthread_cancel(thread)), pthread_join(thread, &result);
  say("cancelled %d", result == PTHREAD_CANCELED);
  pthread_create(&thread, NULL, waiting, NULL);
  SHOW(setgid(getgid()));

  say("-- what takes a number");
  IN_CHILD {
    struct rlimit limit;
    SHOW(prlimit(getpid(), RLIMIT_NOFILE, NULL, &limit));
    SHOW(prlimit(getpid(), RLIMIT_NOFILE, &limit, NULL));
    SHOW(sched_getscheduler(getpid()));
    SHOW(setpriority(PRIO_PROCESS, getpid(), 3));
    SHOW(getpriority(PRIO_PROCESS, getpid()));
    SHOW(getpriority(PRIO_PROCESS, 0));
    char from[4] = "abc", to[4] = "";
    struct iovec there = {from, 4}, here = {to, 4};
    SHOW(process_vm_readv(getpid(), &here, 1, &there, 1, 0));
    say("%s", to);
    cpu_set_t processors;
    SHOW(sched_getaffinity(getpid(), sizeof processors, &processors));
    CHECK(syscall(SYS_pidfd_open, getpid(), 0));
    int pipes[2];
    QUIET(pipe(pipes));
    SHOW(fcntl(pipes[0], F_SETOWN, getpid()));
    QUIET(fcntl(pipes[0], F_SETFL, O_ASYNC | O_NONBLOCK));
    QUIET(write(pipes[1], "x", 1));
    sent("input");
    _exit(0);
  }

  say("-- a child");
  pid_t itself, pid = make_child(&itself, false);
  say("its group is ours %d, its session %d", getpgid(itself) == getpgrp(), getsid(itself) == getsid(0));
  say("the same by either number %d", getpgid(itself) == getpgid(pid));
  SHOW(kill(itself, 0));
  SHOW(kill(itself, SIGTERM));
  siginfo_t told = {0};
  SHOW(waitid(P_PID, (id_t)itself, &told, WEXITED | WNOWAIT));
  say("%s", signal_name(told.si_status));
  end("by its own number", itself);
  SHOW(kill(itself, 0));

  say("-- a group");
  pid = make_child(&itself, true);
  say("leads it %d", getpgid(itself) == itself);
  SHOW(kill(-itself, 0));
  SHOW(kill(-itself, SIGHUP));
  end("by its group", -itself);
  SHOW(kill(-itself, 0));
  IN_CHILD {
    SHOW(setpgid(0, getpid()));
    say("leads its own %d", getpgrp() == getpid());
    say("in its parent's session %d", getsid(0) != getpid() && getsid(getppid()) == getsid(0));
    QUIET(setsid());
    say("leads a session %d %d", getsid(0) == getpid(), getpgrp() == getpid());
    IN_CHILD {
      say("its parent's group %d, session %d, parent %d", getpgrp() == getppid(), getsid(0) == getppid(), getpgid(getppid()) == getppid());
      _exit(0);
    }
    _exit(0);
  }

  say("-- a leader that has ended");
  int pipes[2], go[2];
  QUIET(pipe(pipes)), QUIET(pipe(go));
  pid = fork();
  if (pid == 0) {
    QUIET(setpgid(0, 0));
    pid_t leader = getpid();
    if (fork()) _exit(0);
    char byte;
    close(go[1]);
    QUIET(read(go[0], &byte, 1));
    char answer = (char)(getpgrp() == leader);
    QUIET(write(pipes[1], &answer, 1));
    kill(-leader, SIGTERM);
    pause();
  }
  end("leader", pid);
  close(go[0]), close(go[1]), close(pipes[1]);
  char answer = 0;
  QUIET(read(pipes[0], &answer, 1));
  say("its group is known by its number %d", answer);
  SHOW(read(pipes[0], &answer, 1));

  say("-- /proc");
  char path[64], text[64] = "";
  QUIET(readlink("/proc/self", text, sizeof text - 1));
  say("self %d", atoi(text) == getpid());
  snprintf(path, sizeof path, "/proc/%d/status", getpid());
  say("status %d %d %d", number_in(path, "\nPid:\t") == getpid(), number_in(path, "\nPPid:\t") == getppid(),
      number_in(path, "\nNSpgid:\t") == getpgrp());
  snprintf(path, sizeof path, "/proc/%d/task/%d/stat", getpid(), gettid());
  say("stat %d", number_in(path, "") == getpid());
  snprintf(path, sizeof path, "/proc/%d/fd/1", getpid());
  SHOW(access(path, F_OK));
  snprintf(path, sizeof path, "/proc/%d", getppid());
  SHOW(access(path, F_OK));

  say("-- nobody's");
  for (pid_t nobody = 4190000; nobody > 4189997; nobody--) {
    SHOW(kill(nobody, 0));
    SHOW(kill(-nobody, 0));
    SHOW(getpgid(nobody));
    SHOW(setpgid(nobody, 0));
    SHOW(waitpid(nobody, NULL, 0));
    SHOW(sched_getscheduler(nobody));
  }

  say("-- ends");
  IN_CHILD { abort(); }
  IN_CHILD { kill(getpid(), SIGKILL); }
  IN_CHILD { raise(SIGTERM); }
  return 0;
}
