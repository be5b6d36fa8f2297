"""Edits of sources that compile: a generator with a seed makes commits of them."""
import os
import re


def read(path):
    with open(path, encoding="latin-1") as file:
        return file.read()


def write(path, text):
    # As editors do: another file takes the name.
    mode = os.stat(path).st_mode & 0o7777
    with open(path + ".edited", "w", encoding="latin-1") as file:
        file.write(text)
    os.chmod(path + ".edited", mode)
    os.rename(path + ".edited", path)


def comment(path, number):
    write(path, read(path) + (f"\n// comment {number}\n" if path.endswith((".rs", ".java")) else f"\n/* comment {number} */\n"))


def function(path, number):
    if path.endswith(".rs"):
        return write(path, read(path) + f"\npub fn uwrx_added_{number}(a: i32) -> i32 {{ a * {number} }}\n")
    if path.endswith(".java"):
        return write(path, read(path) + f"\nclass Added{number}_{os.path.basename(path)[:-5].replace('-', '_')} {{ static int a = {number}; }}\n")
    return write(path, read(path) + f"\nint uwrx_added_{number}(int a);\nint uwrx_added_{number}(int a) {{ return a * {number}; }}\n")


def constant(path, number):
    """Changes a number in a function's text, where that cannot but compile; else adds one."""
    text = read(path)
    if path.endswith((".rs", ".java")):
        return function(path, number)
    found = list(re.finditer(r"(?<=return )\d(?=;)", text))
    if not found:
        return function(path, number)
    chosen = found[number % len(found)]
    return write(path, text[:chosen.start()] + str(number % 10) + text[chosen.end():])


def header(path, number):
    """Something of a header that each object has that includes it, before the end of its guard."""
    text = read(path)
    place = text.rfind("#endif")
    mark = f"#ifndef __ASSEMBLER__\n__attribute__((used)) static int uwrx_mark = {number};\n#endif\n"
    text = re.sub(r"#ifndef __ASSEMBLER__\n__attribute__\(\(used\)\) static int uwrx_mark = \d+;\n#endif\n", "", text)
    place = text.rfind("#endif")
    write(path, text[:place] + mark + text[place:])


def macro(path, number):
    """A macro that nobody uses: objects stay as they are."""
    text = read(path)
    place = text.rfind("#endif")
    write(path, text[:place] + f"#define UWRX_UNUSED_{number} {number}\n" + text[place:])


def has_guard(path):
    """Whether a header is read once, and its end is that of its guard."""
    text = read(path)
    start = re.search(r"^\s*#\s*if(ndef|\s+!\s*defined)", text, re.MULTILINE)
    plain = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
    return bool(start) and plain.rstrip().endswith("#endif")


def most_included(sources, headers):
    """The header with a guard that most of the sources name, and that others do not replace."""
    counts = {}
    for path in sources:
        for name in set(re.findall(r'#\s*include\s*["<]([^">]+)[">]', read(path))):
            counts[os.path.basename(name)] = counts.get(os.path.basename(name), 0) + 1
    usable = [path for path in headers if has_guard(path)]
    return max(usable, key=lambda path: (counts.get(os.path.basename(path), 0), path), default=None)


class Commits:
    """Edits drawn by a seeded generator; some take back what an earlier one has done."""

    def __init__(self, chance, sources, headers):
        self.chance, self.sources, self.headers = chance, sources, headers
        self.before = []

    def next(self, number):
        """Makes the next. Returns what it is."""
        drawn = self.chance.random()
        if self.before and drawn < 0.2:
            path, text = self.before.pop(self.chance.randrange(len(self.before)))
            write(path, text)
            return f"{os.path.basename(path)} as it was before an edit"
        kinds = [comment, function, constant] + ([header, macro] if self.headers else [])
        done = []
        for _ in range(self.chance.choice((1, 1, 1, 2, 4))):
            kind = self.chance.choice(kinds)
            path = self.chance.choice(self.headers if kind in (header, macro) else self.sources)
            self.before.append((path, read(path)))
            kind(path, number * 10 + len(done))
            done.append(f"{kind.__name__} in {os.path.basename(path)}")
        return ", ".join(done)
