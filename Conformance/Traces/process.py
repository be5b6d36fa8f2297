"""A process as both sides tell of it, and how two trees of them are laid beside each other."""
import re

# Names that a program has drawn by lot, and what stands for them.
RANDOM_NAMES = [
    (re.compile(r"/tmp/cc[A-Za-z0-9]{6}"), "/tmp/cc??????"),  # gcc
    (re.compile(r"/tmp/Gm[A-Za-z0-9]{6}"), "/tmp/Gm??????"),  # make
    (re.compile(r"/st[A-Za-z0-9]{6}(?=/|$)"), "/st??????"),  # ar, ranlib
    (re.compile(r"/sed[A-Za-z0-9]{6}$"), "/sed??????"),
    (re.compile(r"(/tmp/(?:tmp\.|sort))[A-Za-z0-9]{6,10}"), r"\1??????"),
    (re.compile(r"conf(test)?[0-9]{3,}"), r"conf\1<pid>"),
    (re.compile(r"ztest[0-9]+"), "ztest<pid>"),
]


def normalise(text):
    for pattern, replacement in RANDOM_NAMES:
        text = pattern.sub(replacement, text)
    return text


class Process:
    def __init__(self):
        self.programs = []  # (executable, arguments), in order
        self.status = None  # "exit 0", "SIGKILL"
        self.children = []
        self.uses = set()  # (operation, path)

    def ran(self, executable, arguments):
        self.programs.append((normalise(executable), tuple(map(normalise, arguments))))

    def used(self, operation, path):
        self.uses.add((operation, normalise(path)))

    def own(self):
        return (tuple(self.programs), self.status)

    def last(self):
        return self.programs[-1:]

    def title(self):
        return " ".join(self.programs[-1][1])[:160] if self.programs else "(forked)"

    def settle(self):
        """Computes what stands for the whole tree below, whatever the order of siblings: `form` without, `full` with the uses."""
        for child in self.children:
            child.settle()
        self.form = hash((self.own(), tuple(sorted(child.form for child in self.children))))
        self.full = hash((self.form, frozenset(self.uses), tuple(sorted(child.full for child in self.children))))

    def all(self):
        stack = [self]
        while stack:
            process = stack.pop()
            yield process
            stack.extend(process.children)


def pairs(left, right):
    """Lays siblings beside each other, the most alike first. Yields pairs, with None for one that has no counterpart."""
    for key in (lambda p: p.full, lambda p: p.form, lambda p: repr(p.own()), lambda p: repr((p.last(), p.status)),
                lambda p: repr(p.last())):
        waiting = {}
        for process in right:
            waiting.setdefault(key(process), []).append(process)
        rest = []
        for process in left:
            if waiting.get(key(process)):
                yield process, waiting[key(process)].pop(0)
            else:
                rest.append(process)
        left, right = rest, [process for group in waiting.values() for process in group]
    for process in left:
        yield process, None
    for process in right:
        yield None, process


def compare(native, virtual):
    """Yields (line, process): every difference of two trees, as a line that differences.txt can match."""
    stack = [(native, virtual)]
    while stack:
        one, other = stack.pop()
        if one is None or other is None:
            side, lone = ("uwrx", other) if one is None else ("strace", one)
            yield f"process only {side}: {lone.status}: {lone.title()}", lone
            continue
        if one.status != other.status:
            yield f"status strace {one.status} uwrx {other.status}", one
        if one.programs != other.programs:
            for side, programs in (("strace", set(one.programs) - set(other.programs)), ("uwrx", set(other.programs) - set(one.programs))):
                for executable, arguments in sorted(programs):
                    yield f"program only {side}: {executable}: {' '.join(arguments)}", one
            if set(one.programs) == set(other.programs):
                yield "programs in another order", one
        for side, uses in (("strace", one.uses - other.uses), ("uwrx", other.uses - one.uses)):
            for operation, path in sorted(uses):
                yield f"{operation} only {side}: {path}", one
        stack.extend(pairs(one.children, other.children))
