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

static int is_stopped(int proc, pid_t pid) {
  char path[32], text[512];
  snprintf(path, sizeof path, "%d/stat", pid);
  int file = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return 0;
  text[length] = 0;
  // proc_pid_stat(5): the state follows the name, which may hold anything but is cut at 64 bytes.
  char *name_end = strrchr(text, ')');
  return name_end && name_end[1] == ' ' && name_end[2] == 'T';
}

// `work` is called with every process but guest init.
static void for_each(int proc, void (*work)(int proc, pid_t pid)) {
  int file = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = file < 0 ? NULL : fdopendir(file);
  if (!directory) {
    if (file >= 0) close(file);
    return;
  }
  for (struct dirent *entry; (entry = readdir(directory));) {
    int pid = atoi(entry->d_name);
    if (pid > 1) work(proc, pid);
  }
  closedir(directory);
}

static void note(int proc, pid_t pid) {
  if (stopped_count < (int)(sizeof stopped / sizeof *stopped) && is_stopped(proc, pid)) stopped[stopped_count++] = pid;
}

static void go_on(int proc, pid_t pid) {
  (void)proc;
  for (int i = 0; i < stopped_count; i++)
    if (stopped[i] == pid) return;
  kill(pid, SIGCONT);
}

void uwrx_stop_all(int proc) {
  stopped_count = 0;
  for_each(proc, note);
  kill(-1, SIGSTOP);
}

void uwrx_continue_all(int proc) {
  for_each(proc, go_on);
  stopped_count = 0;
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
