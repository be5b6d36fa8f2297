// Stopping: the supervisor as a job of the user's shell, and the guest with it.
#include "guest.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pid_t stopped[4096];
static int stopped_count;
static int is_all_stopped;

enum state { GONE, STOPPED, ALIVE };

static enum state state(int proc, pid_t pid) {
  char path[32], text[512];
  snprintf(path, sizeof path, "%d/stat", pid);
  int file = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return GONE;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return GONE;
  text[length] = 0;
  // proc_pid_stat(5): the state follows the name, which may hold anything but is cut at 64 bytes.
  char *name_end = strrchr(text, ')'), state = 0;
  long threads = 0;
  if (!name_end || sscanf(name_end + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld", &state, &threads) != 2)
    return ALIVE;
  // The first thread may have ended before the others.
  return state == 'T' ? STOPPED : state == 'Z' && threads <= 1 ? GONE : ALIVE;
}

// `work` is called with every process but guest init until it returns something else than 0, which is returned.
static int for_each(int proc, int (*work)(int proc, pid_t pid)) {
  int file = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
  DIR *directory = file < 0 ? NULL : fdopendir(file);
  if (!directory) {
    if (file >= 0) close(file);
    return 0;
  }
  for (struct dirent *entry; !result && (entry = readdir(directory));) {
    int pid = atoi(entry->d_name);
    if (pid > 1) result = work(proc, pid);
  }
  closedir(directory);
  return result;
}

static int note(int proc, pid_t pid) {
  if (stopped_count < (int)(sizeof stopped / sizeof *stopped) && state(proc, pid) == STOPPED) stopped[stopped_count++] = pid;
  return 0;
}

static int go_on(int proc, pid_t pid) {
  (void)proc;
  for (int i = 0; i < stopped_count; i++)
    if (stopped[i] == pid) return 0;
  kill(pid, SIGCONT);
  return 0;
}

void uwrx_stop_all(int proc) {
  stopped_count = 0;
  for_each(proc, note);
  kill(-1, SIGSTOP);
  is_all_stopped = 1;
}

void uwrx_continue_all(int proc) {
  for_each(proc, go_on);
  stopped_count = 0;
  is_all_stopped = 0;
}

static int is_any_stopped;

static int is_alive(int proc, pid_t pid) {
  enum state now = state(proc, pid);
  if (now == STOPPED) is_any_stopped = 1;
  return now == ALIVE;
}

void uwrx_rouse_stranded(int proc) {
  is_any_stopped = 0;
  if (is_all_stopped || for_each(proc, is_alive) || !is_any_stopped) return;
  kill(-1, SIGHUP);
  kill(-1, SIGCONT);
}

int uwrx_stop_self(void) {
  sigset_t stop, mask, pending;
  struct sigaction before, by_default = {.sa_handler = SIG_DFL};
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  sigaction(SIGTSTP, &by_default, &before);
  raise(SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &stop, &mask);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  sigaction(SIGTSTP, &before, NULL);
  // signal(7): what continues a process stays pending where it is blocked.
  return sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 1;
}
