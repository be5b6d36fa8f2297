import subprocess

names = {}
for name in "abcdefgh":
    process = subprocess.Popen(["true"])
    process.wait()
    names[process.pid] = name
print([names[number] for number in {*names}], {*names})
