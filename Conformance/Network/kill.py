"""kill.py TIMES LINES COMMAND...: runs uwrx with the command, and kills the process in which its proxy works, again and again. Before each time a line of
the guest's is read where LINES is 1, and one is written to it afterwards; else there is one line before the first time and one after the last. A line
tells that an answer has come: it is recorded a moment later, and before the process is killed."""
import glob
import os
import signal
import subprocess
import sys
import time

times, with_lines = int(sys.argv[1]), sys.argv[2] == "1"
run = subprocess.Popen(sys.argv[3:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def children(pid):
    files = [open(path) for path in glob.glob(f"/proc/{pid}/task/*/children")]
    return [int(number) for file in files for number in file.read().split()]


def name(pid):
    try:
        return open(f"/proc/{pid}/comm").read().strip()
    except OSError:
        return ""


def listen():
    print(run.stdout.readline(), end="", flush=True)


def tell():
    run.stdin.write("go on\n")
    run.stdin.flush()


def wait_for_record(count):
    end = time.monotonic() + 20
    while sum(open(path, "rb").read().count(b"\nrequest-digest\t") for path in glob.glob("build/0/0/net/*/requests/log")) < count and time.monotonic() < end:
        time.sleep(0.01)


for count in range(times):
    if with_lines or count == 0:
        listen()
        [watching] = [pid for pid in children(run.pid) if name(pid) == "uwrx-proxy"]
    if with_lines:
        wait_for_record(count + 1)
    while not (working := children(watching)):
        time.sleep(0.01)
    os.kill(working[0], signal.SIGKILL)
    while working[0] in children(watching):
        time.sleep(0.01)
    if with_lines or count == times - 1:
        tell()
print(run.communicate()[0], end="")
sys.exit(run.returncode)
