#!/bin/sh
# python3: what a large Python program leans on, then a virtual environment and pip with a wheel made here, offline.
# timeout: 300
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8
unset PYTHONPATH PYTHONHOME PIP_FIND_LINKS PIP_CONFIG_FILE 2>/dev/null || true
[ -x /usr/bin/python3 ] || { echo "missing: python3"; exit 77; }
python=/usr/bin/python3

cat > modules.py <<'EOF'
import importlib
names = """abc argparse array ast asyncio base64 bisect bz2 calendar codecs collections concurrent.futures configparser
contextlib copy csv ctypes dataclasses datetime decimal difflib dis email.mime.text enum fcntl fileinput fnmatch fractions
ftplib functools getpass gettext glob graphlib grp gzip hashlib heapq hmac html.parser http.client http.server imaplib
importlib.metadata inspect io ipaddress itertools json keyword linecache locale logging.handlers lzma mailbox math mimetypes
mmap multiprocessing numbers operator os pathlib pdb pickle pkgutil platform plistlib poplib pprint profile pty pwd pydoc
queue random re resource sched secrets select selectors shelve shlex shutil signal smtplib socket socketserver sqlite3 ssl
stat statistics string struct subprocess symtable sysconfig syslog tarfile tempfile termios textwrap threading timeit token
tomllib trace traceback tty types typing unicodedata unittest.mock urllib.request uuid venv warnings wave weakref webbrowser
wsgiref.simple_server xml.dom.minidom xml.etree.ElementTree xmlrpc.client zipapp zipfile zlib zoneinfo""".split()
for name in names: importlib.import_module(name)
print("imported", len(names))
EOF
cat > processes.py <<'EOF'
import concurrent.futures, os, queue, signal, subprocess, sys, threading, time
print(subprocess.run(["tr", "a-z", "A-Z"], input="piped\n", capture_output=True, text=True).stdout, end="")
print(subprocess.run("echo out; echo err >&2; exit 3", shell=True, capture_output=True))
try: subprocess.run(["sleep", "60"], timeout=0.2)
except subprocess.TimeoutExpired: print("timed out")
try: subprocess.run(["/nonexistent/program"])
except FileNotFoundError as error: print(error)
child = subprocess.Popen(["sleep", "60"], start_new_session=True); child.send_signal(signal.SIGTERM); print(child.wait())
print(subprocess.run(["pwd"], stdin=subprocess.DEVNULL, cwd="/usr/lib", stderr=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout)
read, write = os.pipe()
if os.fork() == 0: os.write(write, b"from the child"); os._exit(7)
print(os.waitstatus_to_exitcode(os.wait()[1]), os.read(read, 99))
pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit $CODE"], {"CODE": "9"}); print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
lock, total, inbox = threading.Lock(), 0, queue.Queue()
def add():
    global total
    for _ in range(2000):
        with lock: total += 1
    inbox.put(threading.current_thread().name)
threads = [threading.Thread(target=add, name=f"t{i}") for i in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(total, sorted(inbox.get() for _ in threads)[:3])
def opened(i):
    with open(f"thread-{i}", "w") as file: file.write(str(i))
    return os.stat(f"thread-{i}").st_size
with concurrent.futures.ThreadPoolExecutor(8) as pool: print(sum(pool.map(opened, range(300))))
got = []
signal.signal(signal.SIGUSR1, lambda number, frame: got.append(number)); os.kill(os.getpid(), signal.SIGUSR1)
signal.signal(signal.SIGALRM, lambda number, frame: got.append(number)); signal.setitimer(signal.ITIMER_REAL, 0.05)
while len(got) < 2: time.sleep(0.01)
print(got)
EOF
cat > parallel.py <<'EOF'
import multiprocessing, os, sys
from multiprocessing import shared_memory
def square(number): return number * number
def produce(queue, count):
    for i in range(count): queue.put(i)
    queue.put(None)
def add(lock, value, name):
    memory = shared_memory.SharedMemory(name)
    for _ in range(500):
        with lock: value.value += 1; memory.buf[0] = (memory.buf[0] + 1) % 251
    memory.close()
def echo(end):
    while (message := end.recv()) is not None: end.send(message.upper())
if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with context.Pool(4) as pool:
            print(method, sum(pool.map(square, range(1000))), list(pool.imap(square, range(5))))
        items, got = context.Queue(), []
        producer = context.Process(target=produce, args=(items, 500)); producer.start()
        while (item := items.get()) is not None: got.append(item)
        producer.join(); print(len(got), got == sorted(got), producer.exitcode)
        lock, value = context.Lock(), context.Value("i", 0)
        memory = shared_memory.SharedMemory(create=True, size=4096)
        workers = [context.Process(target=add, args=(lock, value, memory.name)) for _ in range(4)]
        for worker in workers: worker.start()
        for worker in workers: worker.join()
        print(value.value, memory.buf[0] == 2000 % 251, [worker.exitcode for worker in workers])
        memory.close(); memory.unlink()
        here, there = context.Pipe()
        other = context.Process(target=echo, args=(there,)); other.start()
        here.send("hello"); print(here.recv()); here.send(None); other.join()
    with multiprocessing.Manager() as manager:
        shared = manager.dict(); shared["key"] = [1, 2]; print(dict(shared))
EOF
cat > files.py <<'EOF'
import fcntl, glob, mmap, os, pathlib, shutil, sqlite3, stat, tempfile
with tempfile.TemporaryDirectory() as directory:
    path = pathlib.Path(directory, "a", "b"); path.mkdir(parents=True); (path / "c").write_text("text"); print(len(list(pathlib.Path(directory).rglob("*"))))
print(os.path.exists(directory))
with tempfile.NamedTemporaryFile() as file: file.write(b"x" * 10000); file.flush(); print(os.stat(file.name).st_size)
with tempfile.TemporaryFile() as file: file.write(b"anonymous"); file.seek(0); print(file.read(), os.fstat(file.fileno()).st_nlink)
with tempfile.SpooledTemporaryFile(10) as file: file.write(b"y" * 100); file.seek(0); print(len(file.read()))
with open("mapped", "w+b") as file:
    file.truncate(1 << 20)
    with mmap.mmap(file.fileno(), 0) as memory:
        memory[4096:4101] = b"hello"; memory.flush(); file.seek(4096); print(file.read(5), memory.find(b"hello"), len(memory))
        if os.fork() == 0: memory[0:1] = b"c"; os._exit(0)
        os.wait(); print(memory[0:1])
with mmap.mmap(-1, 8192) as memory: memory.write(b"private"); print(memory[:7])
with open("locked", "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    if os.fork() == 0:
        try: fcntl.flock(open("locked"), fcntl.LOCK_EX | fcntl.LOCK_NB); os._exit(1)
        except BlockingIOError: os._exit(0)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
os.makedirs("tree/x/y"); pathlib.Path("tree/x/y/z").write_text("z"); os.symlink("x/y/z", "tree/link"); os.link("tree/x/y/z", "tree/hard")
print(os.readlink("tree/link"), os.stat("tree/hard").st_nlink, open("tree/link").read(), os.path.samefile("tree/hard", "tree/link"))
shutil.copytree("tree", "copy", symlinks=True); shutil.make_archive("archive", "zip", "copy"); shutil.move("copy", "moved")
print(sorted(glob.glob("moved/**", recursive=True))); shutil.rmtree("moved"); shutil.rmtree("tree")
os.chmod("mapped", 0o640); print(oct(stat.S_IMODE(os.stat("mapped").st_mode)), os.access("mapped", os.R_OK | os.X_OK))
os.utime("mapped", ns=(10**18 + 5, 2 * 10**18 + 7)); print(os.stat("mapped").st_atime_ns, os.stat("mapped").st_mtime_ns)
os.mkdir("d"); fd = os.open("d", os.O_DIRECTORY); open("in", "w").close(); os.rename("in", "out", dst_dir_fd=fd); print(os.listdir(fd)); os.close(fd)
for mode in ("delete", "wal"):
    connection = sqlite3.connect(f"{mode}.db", isolation_level=None)
    print(connection.execute(f"pragma journal_mode={mode}").fetchone())
    connection.execute("create table t(a integer primary key, b text)")
    connection.execute("begin"); connection.executemany("insert into t(b) values (?)", ((str(i),) for i in range(5000))); connection.execute("commit")
    for i in range(50): connection.execute("update t set b = 'x' where a = ?", (i,))
    if os.fork() == 0:
        other = sqlite3.connect(f"{mode}.db"); other.execute("delete from t where a > 4000"); other.commit(); os._exit(0)
    os.wait(); print(connection.execute("select count(*), sum(b = 'x') from t").fetchone(), connection.execute("pragma integrity_check").fetchone()); connection.close()
EOF
cat > streams.py <<'EOF'
import asyncio, os, socket
async def main():
    process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    print(await process.communicate(b"through cat"), process.returncode)
    shells = [asyncio.create_subprocess_shell(f"exit {i}") for i in range(10)]
    print([await process.wait() for process in await asyncio.gather(*shells)])
    async def serve(reader, writer):
        while line := await reader.readline(): writer.write(line[::-1]); await writer.drain()
        writer.close()
    async def ask(connect, message):
        reader, writer = await connect
        writer.write(message + b"\n"); writer.write_eof(); answer = await reader.read(); writer.close(); return answer.strip()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answers = await asyncio.gather(*(ask(asyncio.open_connection("127.0.0.1", port), b"%d" % i) for i in range(50, 90)))
    print(answers[:3], len(answers)); server.close()
    server = await asyncio.start_unix_server(serve, "stream.sock")
    print(await ask(asyncio.open_unix_connection("stream.sock"), b"olleh")); server.close()
    left, right = socket.socketpair(); left.send(b"pair"); print(await asyncio.get_running_loop().run_in_executor(None, right.recv, 9))
    try: await asyncio.wait_for(asyncio.sleep(60), 0.05)
    except asyncio.TimeoutError: print("timeout")
asyncio.run(main())
EOF
for part in modules processes parallel files streams; do echo "== $part"; $python $part.py; done

echo "== venv"
$python - <<'EOF'
# A wheel is a zip with a manifest; made by hand so that nothing has to be downloaded.
import base64, hashlib, zipfile
files = {
    "greeting/__init__.py": "def main():\n    import sys\n    print('greetings', *sys.argv[1:])\n",
    "greeting-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
    "greeting-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "greeting-1.0.dist-info/entry_points.txt": "[console_scripts]\ngreet = greeting:main\n",
}
record = "".join(f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}\n" for name, text in files.items())
with zipfile.ZipFile("greeting-1.0-py3-none-any.whl", "w") as wheel:
    for name, text in files.items(): wheel.writestr(name, text)
    wheel.writestr("greeting-1.0.dist-info/RECORD", record + "greeting-1.0.dist-info/RECORD,,\n")
EOF
$python -c 'import ensurepip' 2>/dev/null || { echo "missing: python3-venv"; exit 77; }
$python -m venv environment
export PIP_CONFIG_FILE=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INDEX=1 PIP_ROOT_USER_ACTION=ignore
environment/bin/pip install ./greeting-1.0-py3-none-any.whl | tail -1
environment/bin/greet from the environment
environment/bin/python -c 'import greeting, sys; print(sys.prefix != sys.base_prefix, greeting.__file__.split("environment/")[1])'
environment/bin/pip list 2>/dev/null | grep greeting
environment/bin/pip uninstall -y greeting 2>&1 | tail -1 | sed 's/^ *//'
test ! -e environment/bin/greet && echo uninstalled
