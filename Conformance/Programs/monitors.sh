#!/bin/sh
# What looks at processes and at the machine: killall, pgrep, top, vmstat, free, lscpu, psutil, tail -f, screen.
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C TZ=UTC HOME="$PWD"
for tool in killall pgrep top vmstat free lscpu screen; do command -v $tool >/dev/null || { echo "missing: $tool"; exit 77; }; done
/usr/bin/python3 -c 'import psutil' 2>/dev/null || { echo "missing: python3-psutil"; exit 77; }
# Natively another run of this program may be beside it: each looks for, and ends, only its own.
name=$(printf sleeper-%07d $$); cp "$(command -v sleep)" $name; normal() { sed s/$name/own-sleeper/g; }

echo "== killall"
./$name 100 & sleeper=$!
until pgrep -x $name >/dev/null; do sleep 0.05; done
pgrep -P $$ -xc $name; pidof $name | tr " " "\n" | grep -cx $sleeper; ps -o comm=,args= -p $sleeper | normal
killall $name; status=0; wait $sleeper || status=$?; echo "ended $status"; killall -q $name || echo "none left"

echo "== top"
./$name 100 & sleeper=$!
until pgrep -x $name >/dev/null; do sleep 0.05; done
top -b -n 2 -d 0.3 -w 200 -p $sleeper | normal | awk '/^top/ { n++ } /own-sleeper/ { seen++; state = $8 } /Cpu/ { if ($0 ~ / 0.0 us,.* 0.0 sy,.* 0.0 ni,.* 0.0 id/) dead++ } END { print n, seen, state, dead + 0 }'
kill $sleeper; wait $sleeper || true

echo "== vmstat"
i=0; (while [ $i -lt 60000 ]; do i=$((i + 1)); done) & vmstat 1 2 | awk 'NR == 4 { print NF, ($11 + $12 > 0) ? "alive" : "dead", ($13 + $14 > 0) ? "busy" : "idle" }'; wait
free -b | awk '/^Mem/ { print NF, ($2 > $3) ? "fits" : "too much" }'; nproc; lscpu | grep -E '^(Architecture|CPU\(s\)|On-line|Vendor ID|Model name|Socket|NUMA node\(s\))' ; getconf _NPROCESSORS_CONF

echo "== a descriptor that is kept"
/usr/bin/python3 - <<'P'
import os, time
for name in ("/proc/uptime", "/proc/stat", "/proc/self/stat", "/proc/meminfo"):
    file = os.open(name, os.O_RDONLY)
    first = os.pread(file, 65536, 0)
    end, block = time.monotonic() + 5, []
    while os.pread(file, 65536, 0) == first and time.monotonic() < end:
        block.append(bytearray(1 << 16))
        sum(range(20000))
    print(name, "moves" if time.monotonic() < end else "stands")
P

echo "== psutil"
/usr/bin/python3 - <<'P'
import os, psutil, threading, time
own = psutil.Process()
print(own.name(), own.status(), own.num_threads(), own.ppid() == os.getppid(), own.cwd() == os.getcwd(), own.uids().real == os.getuid(), own.terminal())
stop = threading.Event()
threads = [threading.Thread(target=stop.wait) for _ in range(5)]
for thread in threads: thread.start()
print(own.num_threads(), len(os.listdir("/proc/self/task")), os.stat("/proc/self/task").st_nlink)
stop.set()
for thread in threads: thread.join()
end = time.monotonic() + 5
while own.num_threads() > 1 and time.monotonic() < end: time.sleep(0.01)
print(own.num_threads(), len(os.listdir("/proc/self/task")), os.stat("/proc/self/task").st_nlink)
file = open("open", "w")
print("open" in [os.path.basename(each.path) for each in own.open_files()], own.num_fds() > 3, own.memory_info().rss > 1 << 20)
print(psutil.cpu_count(), psutil.cpu_count(logical=False), psutil.virtual_memory().total > 0, psutil.cpu_times().user > 0, psutil.boot_time() > 1e9)
child = psutil.Popen(["sleep", "100"])
print([each.name() for each in own.children()], child.is_running()); child.kill(); print(child.wait())
P

echo "== tail -f"
echo one > log; tail -f log > seen & tail=$!
until grep -q one seen 2>/dev/null; do sleep 0.05; done
echo two >> log; until grep -q two seen; do sleep 0.05; done; kill $tail; wait $tail || true; cat seen

echo "== screen"
export SCREENDIR="$PWD/screens"; mkdir -m 700 screens
screen -dmS test sh -c 'tty | sed "s/[0-9]*$//" > tty.out; stty size > size.out; echo done > done.out; sleep 100'
until [ -s done.out ]; do sleep 0.05; done
cat tty.out done.out; screen -ls | grep -c '\.test'; screen -S test -X quit; until ! screen -ls | grep -q '\.test'; do sleep 0.05; done; ls screens | wc -l
rm -rf $name screens size.out
