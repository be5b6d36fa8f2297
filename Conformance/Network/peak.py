"""peak.py COMMAND...: runs it, and prints the most memory in MB that an uwrx-proxy among its descendants has used."""
import os
import subprocess
import sys
import time

run = subprocess.Popen(sys.argv[1:])
peak = 0


def descendants(pid):
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in open(f"/proc/{pid}/task/{task}/children").read().split():
                yield int(child)
                yield from descendants(int(child))
    except OSError:
        return


while run.poll() is None:
    for pid in descendants(run.pid):
        try:
            text = open(f"/proc/{pid}/status").read()
        except OSError:
            continue
        if text.startswith("Name:\tuwrx-proxy\n"):
            peak = max([peak] + [int(line.split()[1]) // 1024 for line in text.splitlines() if line.startswith("VmHWM:")])
    time.sleep(0.05)
print(peak)
sys.exit(run.returncode)
