"""What `run` measures. Each work is a shell script that runs in a folder of its own; `$T` stands before what is timed
inside it (the rest prepares, also under uwrx). `prepare` runs once, natively; every measurement gets a fresh copy of
what it made, so that one measurement's files never help or hinder the next."""

import dataclasses


@dataclasses.dataclass
class Work:
    name: str
    script: str
    prepare: str = ""
    packages: tuple = ()  # Debian source packages, found in ./source-<package>
    tools: tuple = ()
    quick: bool = True  # part of --quick
    rounds: int = 0  # 0: as many as were asked for
    compare: bool = False  # also under strace and bubblewrap


@dataclasses.dataclass
class Call:
    name: str
    iterations: int
    trapped: bool  # the baseline notifier answers it as well, so its ratio to that is what counts
    label: str = ""


CALLS = [
    Call("getppid", 200_000, True),
    Call("stat", 100_000, True),
    Call("missing", 100_000, True, "stat of a missing name"),
    Call("open", 50_000, True, "open + close"),
    Call("read", 300_000, False, "pread of 512 bytes"),
    Call("write", 200_000, False, "pwrite of 512 bytes"),
    Call("fstat", 100_000, False),
    Call("getdents", 500, False, "getdents64 of 1,000 names"),
    Call("create", 5_000, False, "create + unlink"),
    Call("exec", 500, False, "fork + exec + wait, static"),
    Call("spawn", 500, True, "spawn /bin/true, dynamic"),
    Call("pipe", 50_000, False, "pipe ping-pong"),
]

MODULES = """abc argparse array ast asyncio base64 bisect bz2 calendar codecs collections concurrent.futures configparser
contextlib copy csv ctypes dataclasses datetime decimal difflib dis email.mime.text enum fcntl fileinput fnmatch fractions
ftplib functools getpass gettext glob graphlib grp gzip hashlib heapq hmac html.parser http.client http.server imaplib
importlib.metadata inspect io ipaddress itertools json keyword linecache locale logging.handlers lzma mailbox mimetypes mmap
multiprocessing numbers operator os pathlib pdb pickle pkgutil platform plistlib poplib pprint profile pty pwd pydoc queue
random re resource sched secrets select selectors shelve shlex shutil signal smtplib socket socketserver sqlite3 ssl stat
statistics string struct subprocess symtable sysconfig tarfile tempfile textwrap threading timeit""".split()

# 4,000 small files in 100 folders, as an archive and unpacked.
FILES = r"""
awk 'BEGIN {
  for (d = 0; d < 100; d++) {
    folder = sprintf("tree/d%02d/e%d", d, d % 7); system("mkdir -p " folder)
    for (f = 0; f < 40; f++) {
      file = sprintf("%s/file-%03d.txt", folder, f)
      for (line = 0; line < 20; line++) print "directory", d, "file", f, "line", line, d * f * line > file
      close(file)
    }
  }
}'
"""

REPOSITORY = FILES + r"""
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
cd tree && git init -q . && git add -A && git commit -qm all && git gc -q && cd ..
"""

SMALL = r"""
cat > small.c <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
int main(int count, char **arguments) {
  struct stat info;
  qsort(arguments + 1, count - 1, sizeof *arguments, compare);
  for (int i = 1; i < count; i++)
    if (stat(arguments[i], &info) == 0) printf("%s %lld\n", arguments[i], (long long)info.st_size);
  return 0;
}
EOF
"""

SQL = r"""
{ echo 'pragma synchronous = off; create table t(a integer primary key, b text);'
  i=0; while [ $i -lt 1500 ]; do echo "insert into t(b) values ('row $i');"; i=$((i + 1)); done; } > small.sql
"""


def unpack(package):
    return f"dpkg-source --no-check --skip-patches -x source-{package}/*.dsc {package} >/dev/null 2>&1; "


WORKS = [
    Work("true", "$T true", compare=True),
    Work("gcc -O2 of a small file", "$T gcc -O2 -o small small.c", SMALL, tools=("gcc",), compare=True),
    Work("python3, 100 imports", f"$T /usr/bin/python3 -c 'import {', '.join(MODULES)}'", compare=True),
    Work("500 forks of /bin/true from dash", "$T dash -c 'i=0; while [ $i -lt 500 ]; do /bin/true; i=$((i + 1)); done'", compare=True),
    Work("512 MB through a pipe", "$T sh -c 'dd if=/dev/zero bs=64k count=8192 status=none | cat >/dev/null'", compare=True),
    Work("untar 4,000 files", "$T tar xf tree.tar", FILES + "tar cf tree.tar tree && rm -rf tree"),
    Work("rm -rf of 4,000 files that the run made", "tar xf tree.tar && $T rm -rf tree", FILES + "tar cf tree.tar tree && rm -rf tree"),
    Work("rm -rf of 4,000 files of a source", "$T rm -rf tree", FILES),
    Work("find over 4,000 files", "$T find tree -name '*.none'", FILES),
    Work("find with a stat of each", "$T find tree -size +100k", FILES),
    Work("list 100,000 names", "$T sh -c 'ls -f big >/dev/null'", "mkdir big && cd big && seq 100000 | xargs touch", quick=False),
    Work("stat of 100,000 files, cold", "$T sh -c 'ls -lU big >/dev/null'", "mkdir big && cd big && seq 100000 | xargs touch", quick=False),
    Work("untar 50,000 files", "$T tar xf many.tar",
         "mkdir many && cd many && seq 50000 | split -l 1 -a 4 && cd .. && tar cf many.tar many && rm -rf many", quick=False, rounds=3),
    Work("find /usr", "$T find /usr -name '*.none'", quick=False),
    Work("grep -r over 4,000 files", "$T grep -rc 'no such line' tree || [ $? = 1 ]", FILES),
    Work("git status, 4,000 files", "cd tree && $T git status", REPOSITORY, tools=("git",)),
    Work("git clone, 4,000 files", "$T git clone -q tree clone", REPOSITORY, tools=("git",)),
    Work("sqlite3, 1,500 small transactions", "$T sh -c 'sqlite3 base.db < small.sql'", SQL, tools=("sqlite3",)),
    Work("sort of 40 MB", "$T sort -S 8M -o sorted numbers", "seq 5000000 | tac > numbers", quick=False),
    Work("./configure of zlib", "cd zlib && $T ./configure", unpack("zlib"), ("zlib",), ("gcc", "dpkg-source")),
    Work("make -j2 of zlib", "cd zlib && $T make -j2", unpack("zlib") + "cd zlib && ./configure >/dev/null", ("zlib",),
         ("make", "gcc", "dpkg-source"), compare=True),
    Work("make -j2 of lua", "cd lua && $T make -j2 linux", unpack("lua5.4") + "mv lua5.4 lua", ("lua5.4",),
         ("make", "gcc", "dpkg-source"), quick=False, rounds=3, compare=True),
    Work("./configure of gzip", "cd gzip && FORCE_UNSAFE_CONFIGURE=1 $T ./configure", unpack("gzip"), ("gzip",),
         ("gcc", "dpkg-source"), quick=False, rounds=3),
    Work("make -j2 of gzip", "cd gzip && $T make -j2",
         unpack("gzip") + "cd gzip && FORCE_UNSAFE_CONFIGURE=1 ./configure >/dev/null 2>&1", ("gzip",),
         ("make", "gcc", "dpkg-source"), quick=False, rounds=3),
]
