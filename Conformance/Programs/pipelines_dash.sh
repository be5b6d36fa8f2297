#!/bin/dash
# 10,000 three-stage pipelines in a row in dash, each checked. A lost or interrupted system call shows up here first:
# dash takes SIGCHLD while it forks, waits and reads from the pipe.
# timeout: 900
set -u
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C
count=${PIPELINES:-10000}
wrong=0
i=0
while [ $i -lt "$count" ]; do
  got=$(printf '%s\n' "$i" | tr 0-9 a-j | tr a-j 0-9) || { echo "pipeline $i failed"; wrong=$((wrong + 1)); }
  [ "$got" = "$i" ] || { echo "pipeline $i said '$got'"; wrong=$((wrong + 1)); }
  i=$((i + 1))
done
echo "$i pipelines, $wrong wrong"
[ $wrong = 0 ]
