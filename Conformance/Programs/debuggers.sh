#!/bin/sh
# gdb and strace on programs of one's own: breakpoints, memory, registers, threads, attaching, following children.
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8
for tool in gdb strace gcc; do command -v $tool >/dev/null || { echo "missing: $tool"; exit 77; }; done
cat > debuggee.c <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static int counter;
__attribute__((noinline)) static int step(int n) { counter += n; return counter * 2; }
static void *work(void *argument) { return (void *)(long)step((int)(long)argument); }
int main(int argc, char **argv) {
  for (int i = 1; i <= 3; i++) printf("%d\n", step(i));
  pthread_t thread;
  pthread_create(&thread, NULL, work, (void *)10L);
  pthread_join(thread, NULL);
  if (fork() == 0) { execl("/bin/echo", "echo", "from the child", (char *)NULL); _exit(1); }
  wait(NULL);
  if (argc > 1) { int *nowhere = NULL; *nowhere = atoi(argv[1]); }
  return counter;
}
C
gcc -g -O0 -pthread debuggee.c -o debuggee
clean() { sed -E 's/0x[0-9a-f]+/ADDRESS/g; s/(process|LWP|Thread) [0-9]+/\1 N/g; s/^( +1 +Thread .*"debuggee") .*/\1 is where it is/; s/Id +Frame/Id Frame/; s/\[Detaching.*/[Detaching]/' | grep -v -E 'libthread_db|warning|New Thread|Thread .* exited|Using host|^$'; }
# What the debuggee and its child write goes to a file: with gdb's own messages in one pipe, their order would be chance.
echo "-- breakpoints"
gdb -q -nx -batch -ex 'set debuginfod enabled off' -ex 'break step' -ex 'run > output' -ex bt -ex 'print n' -ex 'set var n = 40' -ex finish -ex 'print counter' \
  -ex 'delete' -ex continue ./debuggee 2>&1 | clean
cat output
echo "-- a watchpoint, a condition and a thread"
gdb -q -nx -batch -ex 'set debuginfod enabled off' -ex 'break step if n == 10' -ex 'run > output' -ex 'info threads' -ex 'print n' -ex 'x/s "text"' -ex kill ./debuggee 2>&1 | clean
echo "-- a crash"
gdb -q -nx -batch -ex 'set debuginfod enabled off' -ex 'run 5 > output' -ex bt -ex 'info line' ./debuggee 2>&1 | clean | grep -v 'info line'
cat output
echo "-- attaching"
sh -c 'echo $$ > target; exec sleep 60' &
while [ ! -s target ] || [ "$(cat /proc/"$(cat target)"/comm)" != sleep ]; do sleep 0.05; done
gdb -q -nx -batch -ex 'set debuginfod enabled off' -ex 'info inferiors' -p "$(cat target)" 2>&1 | grep -c -E '^\* 1 +process'
kill "$(cat target)"; wait 2> /dev/null || true
echo "-- strace"
echo content > input
strace -qq -e trace=openat,read,close -e signal=none -P "$PWD/input" cat input 2>&1 | sed -E 's|"[^"]*/input"|"input"|'
strace -qq -f -e trace=execve -e signal=none sh -c '/bin/true; /bin/echo done' 2>&1 | sed -E 's/0x[0-9a-f]+ .*vars \*\//ENV/; s/^\[pid +[0-9]+\] //'
strace -qq -c -o counts ls / > /dev/null && grep -c -E 'openat|execve' counts
strace -qq -e trace=none -e inject=openat:error=EACCES:when=3+ cat input 2>&1 | sed 's/.*: //' | tail -1
