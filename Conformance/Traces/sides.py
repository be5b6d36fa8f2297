"""Reads what `strace -f` has written and what uwrx has recorded into trees of `Process`."""
import json
import os
import re
import struct
import subprocess

from process import Process

FORKS = {"fork", "vfork", "clone", "clone3"}
# What a call does, and where in its arguments the name stands: (operation, descriptor of the folder or None, name). A name of
# None is that of the descriptor itself.
CHANGES = {
    "unlink": [("delete", None, 0)], "rmdir": [("rmdir", None, 0)], "unlinkat": [("delete", 0, 1)],
    "mkdir": [("mkdir", None, 0)], "mkdirat": [("mkdir", 0, 1)],
    "mknod": [("write", None, 0)], "mknodat": [("write", 0, 1)], "creat": [("write", None, 0)],
    "rename": [("rename_from", None, 0), ("rename_to", None, 1)],
    "renameat": [("rename_from", 0, 1), ("rename_to", 2, 3)], "renameat2": [("rename_from", 0, 1), ("rename_to", 2, 3)],
    "link": [("link", None, 1)], "linkat": [("link", 2, 3)],
    "symlink": [("symlink", None, 1)], "symlinkat": [("symlink", 1, 2)],
    "chmod": [("chmod", None, 0)], "fchmodat": [("chmod", 0, 1)], "fchmod": [("chmod", 0, None)],
    "chown": [("chown", None, 0)], "lchown": [("chown", None, 0)], "fchownat": [("chown", 0, 1)], "fchown": [("chown", 0, None)],
    "truncate": [("write", None, 0)], "ftruncate": [("write", 0, None)],
    "getdents64": [("list", 0, None)],
    "setxattr": [("chmod", None, 0)], "fsetxattr": [("chmod", 0, None)],
}
FOLLOWING = {"chmod", "fchmodat", "chown", "truncate", "creat", "setxattr"}
ACCESS_LIST = "system.posix_acl_access"  # the only attribute that is also a mode
OPENS = {"open": (None, 0, 1), "openat": (0, 1, 2), "openat2": (0, 1, 2)}
TRACED = sorted({*FORKS, *CHANGES, *OPENS, "execve", "execveat", "chdir", "fchdir"})

LINE = re.compile(r"(\d+)\s+(.*)")
RESUMED = re.compile(r"<\.\.\. \w+ resumed>\s?(.*)")
CALL = re.compile(r"(\w+)\((.*)\)\s+= (\d+|0x[0-9a-f]+)(?:<(.*)>)?$")
ENDED = re.compile(r"\+\+\+ (?:exited with (\d+)|killed by (\w+)(?: \(core dumped\))?) \+\+\+")
ARGUMENT = re.compile(r'(?:"[^"]*"|<[^>]*>|\[[^\]]*\]|\{[^}]*\}|[^,])+')
OWN_DESCRIPTOR = re.compile(r"/proc/self/fd/(\d+)")
ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


def unescape(text):
    raw = ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), text.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def strings(text):
    return [unescape(found) for found in re.findall(r'"([^"]*)"', text)]


def interpreters(path):
    """The files that the kernel opens to run a program: what its first line or its PT_INTERP (elf(5)) names, and so on."""
    try:
        with open(path, "rb") as file:
            start = file.read(256)
            if start.startswith(b"#!"):
                words = start[2:].split(b"\n")[0].split()
                named = words[0] if words else None
            elif start.startswith(b"\x7fELF\2\1"):
                offset, size, count = struct.unpack_from("<Q", start, 32) + struct.unpack_from("<HH", start, 54)
                file.seek(offset)
                headers = [struct.unpack("<IIQQQQ16x", file.read(size)) for _ in range(count)]
                place = next(((header[2], header[5]) for header in headers if header[0] == 3), None)
                file.seek(place[0] if place else 0)
                named = file.read(place[1]).rstrip(b"\0") if place else None
            else:
                named = None
    except FileNotFoundError:
        return
    if named:
        found = os.path.realpath(os.fsdecode(named))
        yield found
        yield from interpreters(found)


class StraceLog:
    """What `strace -f -y -xx` wrote. Names are resolved as they stand now: read it before the build's folder is removed."""

    def __init__(self, path, directory):
        self.lives = {}  # pid: its calls as (text, life that a fork has begun), a list for each life that the number has had
        self.ends = {}  # (pid, life): status
        self.begun = {}  # pid: how many of its lives have found their parent
        first = self.split(path)
        self.root = self.process(first, directory)

    def split(self, path):
        unfinished, first, ended = {}, None, set()
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                pid, text = LINE.match(line.rstrip("\n")).groups()
                first = first or pid
                if pid not in self.lives or pid in ended:
                    ended.discard(pid)
                    self.lives.setdefault(pid, []).append([])
                calls = self.lives[pid][-1]
                end = ENDED.match(text)
                if end:
                    self.ends[pid, len(self.lives[pid]) - 1] = f"exit {end[1]}" if end[1] else end[2]
                    ended.add(pid)
                elif text.endswith("<unfinished ...>"):
                    # Where it began is where it stands: a fork comes before what the child does.
                    unfinished[pid] = len(calls)
                    calls.append((text.removesuffix("<unfinished ...>").rstrip(), 0))
                elif RESUMED.match(text):
                    if pid in unfinished:
                        index = unfinished.pop(pid)
                        calls[index] = self.complete(calls[index][0] + RESUMED.match(text)[1])
                else:
                    calls.append(self.complete(text))
        return first

    def complete(self, text):
        """Whoever gets a number again is forked after the one before it was waited for: the order of forks is that of lives."""
        match = CALL.match(text)
        if not match or match[1] not in FORKS:
            return text, 0
        life = self.begun.get(match[3], 0)
        self.begun[match[3]] = life + 1
        return text, life

    def process(self, pid, directory, life=0, into=None):
        process = into or Process()
        if into is None:
            process.descriptors = {}  # what each was last opened for
        if pid not in self.lives or life >= len(self.lives[pid]):
            return process
        if into is None:
            process.status = self.ends.get((pid, life))
        for text, begun in self.lives[pid][life]:
            match = CALL.match(text)
            if match:
                directory = self.call(process, directory, begun, *match.groups())
        return process

    def call(self, process, directory, life, name, text, result, opened):
        """Returns the current directory after it."""
        if name in FORKS:
            if "CLONE_THREAD" in text:
                self.process(result, directory, life, into=process)
            else:
                process.children.append(self.process(result, directory, life))
            return directory
        arguments = [argument.strip() for argument in ARGUMENT.findall(text)]
        if name == "chdir":
            return os.path.realpath(os.path.join(directory, strings(arguments[0])[0]))
        if name == "fchdir":
            return self.descriptor(arguments[0])
        if name == "execve":
            self.ran(process, self.name(directory, None, arguments[0], True), strings(arguments[1]))
        elif name == "execveat":
            self.ran(process, self.name(directory, arguments[0], arguments[1], True), strings(arguments[2]))
        elif name in OPENS:
            process.descriptors[result] = unescape(opened or "")
            self.open(process, arguments[OPENS[name][2]], process.descriptors[result])
        else:
            self.change(process, directory, name, arguments)
        return directory

    @staticmethod
    def ran(process, path, arguments):
        process.ran(path, arguments)
        for file in interpreters(path):
            process.used("read", file)

    @staticmethod
    def descriptor(argument):
        return unescape(argument.partition("<")[2].rpartition(">")[0])

    def name(self, directory, at, argument, follows):
        """The path that the kernel came to."""
        base = self.descriptor(at) if at else directory
        path = os.path.join(base, strings(argument)[0])
        if follows:
            return os.path.realpath(path)
        return os.path.join(os.path.realpath(os.path.dirname(path.rstrip("/"))), os.path.basename(path.rstrip("/")))

    @staticmethod
    def open(process, flags, path):
        if not path.startswith("/") or re.search("O_PATH|O_DIRECTORY", flags) or os.path.isdir(path):
            return
        writes, truncates = re.search(r"O_WRONLY|O_RDWR", flags), "O_TRUNC" in flags
        # A file that is new or was emptied has nothing to read that this process has not written.
        if "O_WRONLY" not in flags and not truncates and "O_EXCL" not in flags:
            process.used("read", path)
        if writes or truncates:
            process.used("write", path)

    def change(self, process, directory, name, arguments):
        if name.endswith("setxattr") and strings(arguments[1]) != [ACCESS_LIST]:
            return
        for operation, at, where in CHANGES[name]:
            if where is None:
                path = self.descriptor(arguments[at]).removesuffix(" (deleted)")
            else:
                follows = name in FOLLOWING and "AT_SYMLINK_NOFOLLOW" not in arguments[-1]
                own = OWN_DESCRIPTOR.fullmatch(strings(arguments[where])[0])
                if own:
                    path = process.descriptors.get(own[1], own[0])
                else:
                    path = self.name(directory, None if at is None else arguments[at], arguments[where], follows)
            if name == "unlinkat" and "AT_REMOVEDIR" in arguments[2]:
                operation = "rmdir"
            if path.startswith("/"):
                process.used(operation, path)


# An event of a trace: what it is called here. A new file and a truncation are openings for writing to strace.
EVENTS = {"read": "read", "list": "list", "create": "write", "write": "write", "truncate": "write"}
EVENTS.update({kind: kind for kind in ("delete", "rename_from", "rename_to", "mkdir", "rmdir", "chmod", "chown", "symlink", "link")})


def inspect(uwrx, *arguments):
    """The objects that `uwrx inspect` prints, one a line."""
    with subprocess.Popen([uwrx, "inspect", *arguments, "--format", "json"], stdout=subprocess.PIPE, encoding="utf-8") as program:
        yield from map(json.loads, program.stdout)
    if program.returncode:
        raise OSError(f"uwrx inspect {arguments[0]}: exit status {program.returncode}")


def read_trace(uwrx, trace):
    processes, roots = {}, []
    for row in inspect(uwrx, "procs", trace):
        process = processes[row["pid"]] = Process()
        process.status = f"exit {row['exit']}" if row["status"] == "exited" else row["signal"]
        for program in row["programs"]:
            process.ran(unescape(program["executable"]), map(unescape, program["arguments"]))
        (processes[row["parent"]].children if row["parent"] in processes else roots).append(process)
    for event in inspect(uwrx, "events", trace, *(word for kind in EVENTS for word in ("--type", kind))):
        if event["pid"] in processes:
            processes[event["pid"]].used(EVENTS[event["type"]], unescape(event["path"]))
    if len(roots) != 1:
        raise OSError(f"{len(roots)} processes without a parent in {trace}")
    return roots[0]
