// Signals: handlers, masks, queues, delivery during and between calls, alternate stacks.
// calls: kill rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
// calls: setitimer sigaltstack signalfd4 tgkill tkill
#include "observe.h"
#include <pthread.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <ucontext.h>

static volatile sig_atomic_t count, last, from, code, payload, onStack;
static char other[65536];

static void handler(int number) {
  count++;
  last = number;
}

static void informed(int number, siginfo_t *info, void *context) {
  (void)context;
  count++;
  last = number;
  from = info->si_pid == getpid();
  code = info->si_code;
  payload = info->si_value.sival_int;
  onStack = (char *)&number >= other && (char *)&number < other + sizeof other;
}

// A handler may make any system call, in the middle of another one.
static void calling(int number) {
  struct stat st;
  count++;
  last = number;
  int saved = errno;
  if (stat("data/hello.txt", &st) < 0 || access("data/missing", F_OK) == 0) _exit(90);
  errno = saved;
}

static void on(int number, void *function, int flags) {
  struct sigaction action = {.sa_flags = flags};
  action.sa_handler = function;
  if (sigaction(number, &action, NULL) < 0) say("sigaction: %s", error_name(errno));
}

static void reset(void) { count = last = from = code = payload = onStack = 0; }

static void say_seen(const char *label) {
  say("%s: count %d, signal %s, from ourselves %d, code %d, value %d, other stack %d", label, count, signal_name(last),
      from, code, payload, onStack);
  reset();
}

static void *receiver(void *unused) {
  (void)unused;
  sigset_t set;
  int number = 0;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigwait(&set, &number);
  return (void *)(long)number;
}

int main(void) {
  on(SIGUSR1, informed, SA_SIGINFO);
  SHOW(kill(getpid(), SIGUSR1));
  say_seen("kill");
  SHOW(raise(SIGUSR1));
  say_seen("raise");
  SHOW(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
  say_seen("tgkill");
  SHOW(syscall(SYS_tkill, gettid(), SIGUSR1));
  say_seen("tkill");
  SHOW(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 1234}));
  say_seen("sigqueue");

  say("-- masked");
  sigset_t set, old;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGRTMIN);
  on(SIGRTMIN, informed, SA_SIGINFO);
  SHOW(sigprocmask(SIG_BLOCK, &set, &old));
  for (int i = 0; i < 3; i++) {
    raise(SIGUSR1);
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
  }
  sigset_t pending;
  SHOW(sigpending(&pending));
  say("pending %d %d %d", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGRTMIN), sigismember(&pending, SIGUSR2));
  SHOW(sigprocmask(SIG_SETMASK, &old, NULL));
  say("delivered %d, the last value %d", count, payload);
  reset();

  say("-- sigsuspend, sigtimedwait, signalfd");
  sigprocmask(SIG_BLOCK, &set, NULL);
  raise(SIGUSR1);
  SHOW(sigsuspend(&old));
  say_seen("sigsuspend");
  siginfo_t info;
  struct timespec brief = {0, 10000000};
  SHOW(sigtimedwait(&set, &info, &brief));
  raise(SIGUSR1);
  SHOW(sigtimedwait(&set, &info, &brief) == SIGUSR1);
  int fd = SHOW(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  struct signalfd_siginfo event;
  SHOW(read(fd, &event, sizeof event));
  sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 77});
  SHOW(read(fd, &event, sizeof event) == sizeof event);
  say("signal %s value %d ours %d", signal_name(event.ssi_signo), event.ssi_int, (pid_t)event.ssi_pid == getpid());
  SHOW(read(fd, &event, 10));
  sigprocmask(SIG_SETMASK, &old, NULL);
  reset();

  say("-- flags");
  on(SIGUSR1, handler, SA_RESETHAND);
  raise(SIGUSR1);
  struct sigaction action;
  sigaction(SIGUSR1, NULL, &action);
  say("reset %d, count %d", action.sa_handler == SIG_DFL, count);
  stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
  SHOW(sigaltstack(&stack, NULL));
  on(SIGUSR1, informed, SA_SIGINFO | SA_ONSTACK);
  reset();
  raise(SIGUSR1);
  say_seen("alternate stack");
  on(SIGSEGV, informed, SA_SIGINFO | SA_ONSTACK | SA_RESETHAND);

  say("-- refusals");
  SHOW(kill(1 << 28, 0));
  SHOW(kill(getpid(), 99));
  SHOW(kill(getpid(), -1));
  SHOW(kill(getpid(), 0));
  SHOW(sigaction(SIGKILL, &action, NULL));
  SHOW(sigaction(SIGSTOP, &action, NULL));
  SHOW(syscall(SYS_rt_sigaction, 65, &action, NULL, 8));
  SHOW(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 4));
  SHOW(syscall(SYS_rt_sigprocmask, 9, &set, NULL, 8));
  SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, bad_pointer(), NULL, 8));
  SHOW(syscall(SYS_tgkill, getpid(), 1 << 28, SIGUSR1));
  SHOW(syscall(SYS_tgkill, -1, gettid(), SIGUSR1));

  say("-- during path calls: each call is answered, none is lost or doubled");
  on(SIGALRM, calling, SA_RESTART);
  struct itimerval timer = {{0, 500}, {0, 500}};
  setitimer(ITIMER_REAL, &timer, NULL);
  int wrong = 0;
  struct stat st;
  for (int i = 0; i < 20000 || count < 20; i++) {
    wrong += stat("data/hello.txt", &st) < 0;
    wrong += access("data/missing", F_OK) == 0 || errno != ENOENT;
    int opened = open("data/dir/a", O_RDONLY | O_CLOEXEC);
    wrong += opened != 4;
    close(opened);
  }
  memset(&timer, 0, sizeof timer);
  setitimer(ITIMER_REAL, &timer, NULL);
  say("wrong %d, interrupted %d", wrong, count >= 20);

  say("-- to a thread");
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, NULL);
  pthread_t thread;
  void *got;
  pthread_create(&thread, NULL, receiver, NULL);
  SHOW(pthread_kill(thread, SIGUSR2));
  pthread_join(thread, &got);
  say("thread got %s", signal_name((long)got));

  say("-- across fork and exec");
  signal(SIGUSR2, SIG_IGN);
  IN_CHILD {
    sigaction(SIGUSR2, NULL, &action);
    sigprocmask(SIG_BLOCK, NULL, &set);
    say("ignored in the child %d, blocked %d", action.sa_handler == SIG_IGN, sigismember(&set, SIGUSR2));
    execl("/bin/sh", "sh", "-c", "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status", NULL);
  }
}
