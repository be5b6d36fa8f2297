import os
import subprocess

children = [subprocess.Popen(["md5sum", "/usr/bin/perl"], stdout=subprocess.DEVNULL) for i in range(40)]
numbers = [child.pid for child in children]
print([numbers.index(os.wait()[0]) for child in children])
