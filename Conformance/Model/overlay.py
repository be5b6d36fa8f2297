"""The format of a run's layer, read without uwrx: what a run's directory has, laid over the lower directories.

In `files/` a character device 0/0 is a whiteout, `user.overlay.opaque` says that a directory hides the lower ones of its name,
and `user.overlay.redirect` where the lower ones are in the guest's tree as it was before the run. `files.index` says where
the last version of a path is if not in `files/`, and what the host's file does not tell of mode and owner.
"""
import hashlib
import os
import re
import stat
import zlib

OPAQUE, REDIRECT = b"user.overlay.opaque", b"user.overlay.redirect"
# Later than any time that a step sets (chance.c, show_time).
NOW = 1700000000


def quote(raw, top=b""):
    """As quote in chance.c."""
    text, start = b"", 0
    if top and raw.startswith(top):
        text, start = b"TOP", len(top)
    while start < len(raw):
        end = start
        while end < len(raw) and raw[end] == raw[start]:
            end += 1
        if end - start > 20:
            text += b"{%c*%d}" % (raw[start], end - start)
            start = end
        else:
            plain = 32 < raw[start] < 127 and raw[start] != 0x5C
            text += raw[start:start + 1] if plain else b"\\x%02x" % raw[start]
            start += 1
    return text


def read(path):
    """The contents; the access time stays."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOATIME | os.O_NOFOLLOW)
    except PermissionError:
        return b""
    with os.fdopen(file, "rb") as stream:
        return stream.read()


def names(path):
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOATIME)
    try:
        return sorted(map(os.fsencode, os.listdir(directory)))
    finally:
        os.close(directory)


def walk(path):
    yield path
    if stat.S_ISDIR(os.lstat(path).st_mode):
        for name in names(path):
            yield from walk(path + b"/" + name)


def snapshot(roots):
    """Everything about the directories that a run must leave alone."""
    found = {}
    for root in roots:
        for path in walk(os.fsencode(root)):
            status = os.lstat(path)
            contents = attributes = None
            if stat.S_ISREG(status.st_mode):
                contents = hashlib.sha256(read(path)).hexdigest()
            if not stat.S_ISLNK(status.st_mode):
                attributes = [(name, os.getxattr(path, name)) for name in sorted(os.listxattr(path))]
            found[path] = (
                status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_ino, status.st_size,
                status.st_blocks, status.st_mtime_ns, status.st_ctime_ns, status.st_atime_ns, contents, attributes)
    return found


def changes(before, after):
    return [b"host: %s: %s -> %s" % (quote(path), repr(before.get(path)).encode(), repr(after.get(path)).encode())
            for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]


def split(seed, top, other):
    """Divides a tree into two that make it up together, and puts what must not be seen below what hides it."""
    def visit(upper, lower):
        for name in names(upper):
            above, below = upper + b"/" + name, lower + b"/" + name
            status = os.lstat(above)
            choice = zlib.crc32(above[len(os.fsencode(top)):], seed) % 3
            if stat.S_ISDIR(status.st_mode):
                if choice or len(name) == 1 and name == b"g":
                    os.mkdir(below)
                    visit(above, below)
                    dress(below, status)
                    dress(above, status)
                else:
                    os.rename(above, below)
            elif choice == 0 and status.st_nlink == 1:
                os.rename(above, below)
            elif choice == 1:
                with open(below, "wb") as file:
                    file.write(b"hidden")
                dress(below, status)

    def dress(path, status):
        os.chown(path, status.st_uid, status.st_gid)
        os.chmod(path, stat.S_IMODE(status.st_mode))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    times = os.lstat(top)
    visit(os.fsencode(top), os.fsencode(other))
    dress(top, times)
    dress(other, times)


class Entry:
    """A file as the layer has it. `line` is what the index says of it: place, mode, user, group."""

    def __init__(self, path, lowers, line=None, above=None):
        self.path, self.lowers, self.line, self.above = path, lowers, line, above
        self.status = os.lstat(path)

    @property
    def is_upper(self):
        return self.above is not None


def exists(path):
    return os.path.lexists(path)


def is_directory(path):
    return stat.S_ISDIR(os.lstat(path).st_mode)


def attribute(path, name):
    try:
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError:
        return None


class Layer:
    """What a run's directory has over the lower directories, which the guest saw at `top`."""

    def __init__(self, trace, lowers, top):
        self.trace, self.top = os.fsencode(trace), os.fsencode(top)
        self.lowers = list(map(os.fsencode, lowers))
        self.index, self.owner = {}, None
        with open(self.trace + b"/files.index", "rb") as file:
            for line in file.read().splitlines():
                fields = line.split(b"\t")
                if fields[0] == b"*":
                    self.owner = (int(fields[1]), int(fields[2]))
                else:
                    path = re.sub(rb"\\x(..)", lambda code: bytes([int(code[1], 16)]), fields[0])
                    self.index[path] = (fields[1], int(fields[2], 8), int(fields[3]), int(fields[4]))

    def below(self, lowers, name):
        """What the lower directories have at a name: a file, or all the directories until something hides the rest."""
        found = []
        for lower in lowers:
            path = lower + b"/" + name
            if not exists(path):
                continue
            if not is_directory(path):
                return found or [path]
            found.append(path)
        return found

    def at(self, origin):
        relative = os.path.relpath(origin, self.top)
        lowers = self.lowers
        if relative != b".":
            for name in relative.split(b"/"):
                lowers = [path for path in self.below(lowers, name) if is_directory(path)]
        return lowers

    def children(self, entry):
        listed = set(names(self.trace + b"/files/" + entry.above)) if entry.is_upper else set()
        for lower in entry.lowers:
            listed.update(names(lower))
        for name in sorted(listed):
            child = self.child(entry, name)
            if child:
                yield name, child

    def child(self, entry, name):
        below = self.below(entry.lowers, name)
        above = entry.above + b"/" + name if entry.is_upper else None
        line = self.index.get(above)
        if line and line[0] == b"-":
            return None
        path = self.trace + b"/" + (line[0] if line else b"files") + b"/" + above if above else None
        if path is None or not exists(path):
            return Entry(below[0], below if is_directory(below[0]) else [])
        status = os.lstat(path)
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            return None
        if not stat.S_ISDIR(status.st_mode):
            return Entry(path, [], line, above)
        redirect = attribute(path, REDIRECT)
        if attribute(path, OPAQUE) == b"y":
            below = []
        elif redirect is not None:
            below = self.at(redirect)
        return Entry(path, [path for path in below if is_directory(path)], line, above)

    def tree(self):
        above = self.top.lstrip(b"/")
        path = self.trace + b"/files/" + above
        if exists(path):
            root = Entry(path, self.lowers, self.index.get(above), above)
        else:
            root = Entry(self.lowers[0], self.lowers)
        found = []

        def visit(path, entry):
            found.append((path, entry))
            if stat.S_ISDIR(entry.status.st_mode):
                for name, child in self.children(entry):
                    visit(path + b"/" + name, child)

        visit(b".", root)
        return found


TYPES = {stat.S_IFREG: b"file", stat.S_IFDIR: b"dir", stat.S_IFLNK: b"link", stat.S_IFIFO: b"fifo", stat.S_IFSOCK: b"socket"}


def describe(entry, top):
    status = entry.status
    kind = TYPES.get(stat.S_IFMT(status.st_mode), b"other")
    contents = attributes = b"-"
    if kind == b"file":
        contents = b"%08x" % zlib.crc32(read(entry.path))
    if kind == b"link":
        contents = quote(os.readlink(entry.path), top)
    if kind in (b"file", b"dir"):
        mine = [os.fsencode(name) for name in os.listxattr(entry.path)]
        attributes = b"".join(
            b"%s=%08x," % (quote(name), zlib.crc32(os.getxattr(entry.path, name))) for name in sorted(mine)
            if name.startswith(b"user.") and not name.startswith(b"user.overlay."))
    seconds, rest = divmod(status.st_mtime_ns, 10**9)
    modified = b"-" if kind == b"fifo" else b"now" if seconds > NOW else b"%d.%09d" % (seconds, rest)
    size = 0 if kind == b"dir" else status.st_size
    return {"type": kind, "size": b"%d" % size, "modified": modified, "contents": contents, "attributes": attributes}


def differences(trace, lowers, top, output):
    """Where a layer does not say what the guest's last dump does."""
    start = max((index for index, line in enumerate(output) if line.startswith(b"dump ")), default=None)
    if start is None:
        return [b"layer: the guest has printed no tree"]
    told, unknown = {}, []
    for line in output[start:]:
        fields = line.split(b"\t")
        if fields[0] != b"tree":
            continue
        if len(fields) < 10:
            unknown.append(fields[1] + b"/")
        else:
            told[fields[1]] = fields
    lines, seen, first = [], set(), {}
    layer = Layer(trace, lowers, top)
    for path, entry in layer.tree():
        name = quote(path)
        if name not in told and any((name + b"/").startswith(prefix) for prefix in unknown):
            continue
        seen.add(name)
        fields = told.get(name)
        if fields is None:
            lines.append(b"layer: has %s, which the guest did not see" % name)
            continue
        group = first.setdefault((entry.status.st_dev, entry.status.st_ino), name)
        mine = describe(entry, os.fsencode(top))
        theirs = {
            "type": fields[2], "size": fields[6], "modified": fields[7], "contents": fields[9], "attributes": fields[10]}
        status = entry.status
        mode, uid, gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
        if entry.is_upper:
            uid, gid = layer.owner
        if entry.line:
            _, mode, uid, gid = entry.line
        mine["owner"], theirs["owner"] = b"%d:%d" % (uid, gid), fields[5]
        if mine["type"] != b"link":
            mine["mode"], theirs["mode"] = b"%04o" % mode, fields[3]
        if mine["type"] != b"dir":
            mine["first name"] = group
            theirs["first name"] = name if fields[8] == b"-" else fields[8]
        for key in mine:
            if mine[key] != theirs[key] and b"EACCES" not in theirs[key]:
                lines.append(b"layer: %s of %s is %s, the guest saw %s" % (key.encode(), name, mine[key], theirs[key]))
    lines += [b"layer: lacks %s" % name for name in sorted(told.keys() - seen)]
    return lines
