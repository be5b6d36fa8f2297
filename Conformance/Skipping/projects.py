"""The real projects of `run`: where their sources come from, how they are built, and what is edited in them."""
import os
import subprocess
import tarfile

CACHE = os.environ.get("UWRX_TEST_CACHE", "/var/tmp/uwrx-test-cache")
HERE = os.path.dirname(os.path.abspath(__file__))


class Missing(Exception):
    """Something that a project needs is not there."""


def run(*command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        raise Missing(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-300:]}")


class Project:
    """
    name, version: which sources; of another version a project is not tried.
    build: a script for sh in the project's directory; JOBS is how many jobs make has, FLAGS what is changed for another flag.
    sources, headers: what is edited, below these directories, by the ends of names.
    needs: programs that must be there. slow: left out with --quick. options: of `uwrx run`. variables: of both builds.
    left: files that natively differ from build to build.
    """

    def __init__(self, name, version, build, package=None, sdist=False, edited=("",), ends=(".c",), needs=(), slow=False,
                 options=(), variables=None, left=(), prepare=None):
        self.name, self.version, self.build, self.package, self.sdist = name, version, build, package or name, sdist
        self.edited, self.ends, self.needs, self.slow, self.options = edited, ends, needs, slow, list(options)
        self.variables, self.left, self.prepare = variables or {}, tuple(left), prepare

    def unpack(self, root):
        """Fills a directory that is not there yet."""
        folder = os.path.join(CACHE, self.package)
        if self.sdist:
            archive = os.path.join(folder, f"{self.package}-{self.version}.tar.gz")
            if not os.path.exists(archive):
                run("python3", "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "-d", folder,
                    f"{self.package}=={self.version}")
            with tarfile.open(archive) as file:
                file.extractall(root + ".new", filter="data")
            os.rename(os.path.join(root + ".new", os.listdir(root + ".new")[0]), root)
            os.rmdir(root + ".new")
        else:
            run("sh", f"{HERE}/../Programs/fetch-sources", self.package)
            found = [name for name in os.listdir(folder) if name.endswith(".dsc")]
            if not found[0].startswith(f"{self.package}_{self.version}"):
                raise Missing(f"{self.package} is {found[0]}, not {self.version}")
            run("dpkg-source", "--no-check", "--skip-patches", "-x", os.path.join(folder, found[0]), root)
        if self.prepare:
            self.prepare(root)

    def files(self, root, ends):
        """The files that may be edited, in order."""
        found = []
        for edited in self.edited:
            for place, folders, names in os.walk(os.path.join(root, edited)):
                folders.sort()
                found += [os.path.join(place, name) for name in names if name.endswith(ends)]
        return sorted(set(found))


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def fmt_makefile(root):
    write(f"{root}/Makefile", """\
objects = src/format.o src/os.o $(patsubst %.cc,%.o,$(wildcard test/*-mix.cc)) main.o
program: $(objects)
\t$(CXX) -o $@ $(objects)
%.o: %.cc
\t$(CXX) -std=c++17 -O1 $(FLAGS) -Iinclude -MMD -c -o $@ $<
""")
    write(f"{root}/main.cc", """\
#include <fmt/chrono.h>
#include <fmt/color.h>
#include <fmt/ranges.h>
#include <vector>
int main() { fmt::print("{} {:.3f} {}\\n", 42, 1.5, std::vector<int>{1, 2, 3}); }
""")


CONFIGURED = './configure -q {0} CFLAGS="-g -O1 $FLAGS" && make -s -j$JOBS {1}'
AUTOCONF = ("config.log",)

PROJECTS = [
    Project("lua", "5.4.4", 'make -s -j$JOBS linux MYCFLAGS="$FLAGS"', "lua5.4", edited=("src",)),
    Project("zlib", "1.2.13", 'CFLAGS="-O3 $FLAGS" ./configure && make -j$JOBS', edited=("",), left=("configure.log",)),
    Project("gzip", "1.12", CONFIGURED.format("", ""), edited=("", "lib"), left=AUTOCONF),
    Project("make", "4.3", CONFIGURED.format("", ""), "make-dfsg", edited=("src", "lib"), left=AUTOCONF),
    Project("xz", "5.4", CONFIGURED.format("--disable-doc", ""), "xz-utils", edited=("src/liblzma", "src/xz"), left=AUTOCONF),
    Project("hello", "2.10", CONFIGURED.format("", ""), edited=("src", "lib"), left=AUTOCONF),
    Project("memcached", "1.6", CONFIGURED.format("", ""), left=AUTOCONF),
    Project("re2", "20220601", 'make -s -j$JOBS obj/libre2.a obj/so/libre2.so CXXFLAGS="-O1 -g $FLAGS"', edited=("re2", "util"),
            ends=(".cc",), slow=True),
    Project("fmt", "9.1.0", 'make -s -j$JOBS FLAGS="$FLAGS"', "fmtlib", edited=("src",), ends=(".cc",), prepare=fmt_makefile),
    Project("redis", "5:7.0", 'make -s -j$JOBS MALLOC=libc OPTIMIZATION="-O1 $FLAGS"', edited=("src",), slow=True,
            variables={"SOURCE_DATE_EPOCH": "1600000000"}),
    Project("sqlite", "3.40.1", CONFIGURED.format("--disable-tcl", "sqlite3"), "sqlite3", edited=("src",), needs=("tclsh",), slow=True,
            left=AUTOCONF),
    Project("vim", "9.0", 'cd src && CFLAGS="-g -O1 $FLAGS" ./configure -q --with-features=normal --disable-gui --without-x '
            '--with-compiledby=us && make -s -j$JOBS vim', "2:vim", edited=("src",), slow=True, left=("src/auto/config.log",),
            variables={"SOURCE_DATE_EPOCH": "1600000000"}),
    Project("coreutils", "9.1", 'FORCE_UNSAFE_CONFIGURE=1 ' + CONFIGURED.format("--disable-nls", ""), edited=("src", "lib"), slow=True,
            left=AUTOCONF),
    Project("msgpack", "1.0.8", 'CFLAGS="-O1 $FLAGS" python3 setup.py -q build_ext --inplace', sdist=True, edited=("msgpack",), ends=(".cpp", ".c")),
]
