#!/bin/sh
# glibc 2.36 (Debian 12): pthread_cancel(3) does nothing, and says nothing, where getpid(2) does not answer the number that the kernel writes as
# the sender's into the signal. One would expect the number that a process is told of itself to matter to nobody but the program: getpid is no
# part of how threads end. But the handler of libc's own signal 32 takes a signal for somebody else's unless si_pid is what getpid answers it.
# strace 6.1 gives another answer here, as a sandbox with process numbers of its own would. What uwrx does: while that signal is handled
# getpid answers the kernel's number (Sources/VirtualKernel/Syscalls/process_numbers.swift).
set -eu
version=6.1-0.1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q "strace=$version" > /dev/null 2>&1 || { echo "cannot download strace=$version"; exit 1; }
dpkg -x ./strace_*.deb tools
tools/usr/bin/strace --version | head -1
getconf GNU_LIBC_VERSION
cat > cancel.c <<'END'
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
// The thread asks once itself, so that its second question is the handler's; the main thread's only one is that of pthread_cancel.
static void *waits(void *unused) {
  getpid();
  for (;;) pause();
  return unused;
}
int main(void) {
  pthread_t thread;
  pthread_create(&thread, 0, waits, 0);
  usleep(100000);
  int asked = pthread_cancel(thread);
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += 2;
  int joined = pthread_timedjoin_np(thread, 0, &end);
  printf("pthread_cancel: %d, the thread %s\n", asked, joined ? "goes on" : "has ended");
  fflush(stdout);
  _exit(joined ? 1 : 0);
}
END
gcc -O1 -o cancel cancel.c -lpthread
set +e
./cancel; plain=$?
tools/usr/bin/strace -f -qq -o /dev/null -e trace=getpid -e inject=getpid:retval=4000000:when=2+ ./cancel; other=$?
set -e
echo "natively: exit $plain; with another answer of getpid in the handler: exit $other"
[ "$plain" = 0 ] && [ "$other" = 1 ]
