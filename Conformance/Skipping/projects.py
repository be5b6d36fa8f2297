"""The real projects of `run`: where their sources come from, how they are built, and what is edited in them."""
import os
import re
import shutil
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
    left: files that natively differ from build to build, as regular expressions.
    """

    def __init__(self, name, version, build, package=None, sdist=False, crates=(), edited=("",), ends=(".c",), needs=(), slow=False,
                 options=(), variables=None, left=(), prepare=None, again='make -s -j$JOBS'):
        self.name, self.version, self.build, self.package, self.sdist = name, version, build, package or name, sdist
        self.crates = crates
        self.edited, self.ends, self.needs, self.slow, self.options = edited, ends, needs, slow, list(options)
        self.variables, self.left, self.prepare, self.again = variables or {}, left, prepare, again

    def unpack(self, root):
        """Fills a directory that is not there yet."""
        folder = os.path.join(CACHE, self.package)
        if self.crates:
            os.makedirs(root)
            for name, version in self.crates:
                self.crate(folder, name, version, root)
        elif self.sdist:
            if not os.path.isdir(folder):
                run("python3", "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "-d", folder,
                    f"{self.package}=={self.version}")
            archive, = os.listdir(folder)
            with tarfile.open(os.path.join(folder, archive)) as file:
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

    @staticmethod
    def crate(folder, name, version, root):
        """A crate's sources as Debian's package of them has them."""
        os.makedirs(folder, exist_ok=True)
        package = f"librust-{name}-dev"
        if not any(file.startswith(f"{package}_{version}") for file in os.listdir(folder)):
            run("apt-get", "download", f"{package}={version}*", cwd=folder)
        archive = next(file for file in os.listdir(folder) if file.startswith(f"{package}_{version}"))
        run("dpkg-deb", "-x", os.path.join(folder, archive), f"{root}/{name}.deb")
        os.rename(f"{root}/{name}.deb/usr/share/cargo/registry/{name}-{version}", f"{root}/{name}")
        shutil.rmtree(f"{root}/{name}.deb")

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


def autoreconf(root):
    """What is no release has no configure."""
    run("autoreconf", "-fi", cwd=root)


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


def workspace(root):
    """Crates that stand beside each other, without what only their tests need, and a program that uses them."""
    names = sorted(os.listdir(root))
    for name in names:
        with open(f"{root}/{name}/Cargo.toml", encoding="utf-8") as file:
            sections = re.split(r"^(?=\[)", file.read(), flags=re.MULTILINE)
        kept = []
        for section in sections:
            kind = section.split("]")[0].strip("[")
            depends = kind.split(".")[-1]
            if kind.startswith(("dev-dependencies", "bench", "test", "example", "profile", "badges")):
                continue
            if kind.startswith("dependencies.") and depends not in names:
                continue
            kept.append(re.sub(r"^version =.*", f'path = "../{depends}"', section, count=1, flags=re.MULTILINE)
                        if kind.startswith("dependencies.") else section)
        text = "".join(kept)
        # Features of dependencies that went.
        text = re.sub(r'^(rustc-dep-of-std|compiler_builtins|core) = (\[[^\]]*\]|"[^"]*")\n', "", text, flags=re.MULTILINE)
        text = re.sub(r'"(dep:)?libc",?\s*', "", text)
        write(f"{root}/{name}/Cargo.toml", text)
    os.makedirs(f"{root}/app/src")
    write(f"{root}/Cargo.toml", "[workspace]\nmembers = [" + ", ".join(f'"{name}"' for name in [*names, "app"]) + "]\n")
    write(f"{root}/app/Cargo.toml", '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nregex = { path = "../regex" }\n')
    write(f"{root}/app/src/main.rs", 'fn main() {\n    let found = regex::Regex::new("a+b").unwrap();\n'
          '    println!("{}", found.is_match("caab"));\n}\n')


CONFIGURED = './configure -q {0} CFLAGS="-g -O1 $FLAGS" && make -s -j$JOBS {1}'
AUTOCONF = (r"config\.log$",)

PROJECTS = [
    Project("lua", "5.4.4", 'make -s -j$JOBS linux MYCFLAGS="$FLAGS"', "lua5.4", edited=("src",),
            again='make -s -j$JOBS linux MYCFLAGS="$FLAGS"'),
    Project("zlib", "1.2.13", 'CFLAGS="-O3 $FLAGS" ./configure && make -j$JOBS', edited=("",), left=(r"configure\.log$",)),
    Project("gzip", "1.12", CONFIGURED.format("", ""), edited=("", "lib"), left=AUTOCONF),
    Project("make", "4.3", CONFIGURED.format("", ""), "make-dfsg", edited=("src", "lib"), left=AUTOCONF, prepare=autoreconf,
            needs=("autoreconf", "autopoint")),
    Project("xz", "5.4", CONFIGURED.format("--disable-doc", ""), "xz-utils", edited=("src/liblzma", "src/xz"), left=AUTOCONF),
    Project("hello", "2.10", CONFIGURED.format("", ""), edited=("src", "lib"), left=AUTOCONF),
    Project("memcached", "1.6", CONFIGURED.format("", "memcached"), left=AUTOCONF),
    Project("re2", "20220601", 'make -s -j$JOBS obj/libre2.a obj/so/libre2.so CXXFLAGS="-O1 -g $FLAGS"', edited=("re2", "util"),
            ends=(".cc",), slow=True),
    Project("fmt", "9.1.0", 'make -s -j$JOBS FLAGS="$FLAGS"', "fmtlib", edited=("src",), ends=(".cc",), prepare=fmt_makefile),
    Project("redis", "7.0", 'make -s -j$JOBS MALLOC=libc OPTIMIZATION="-O1 $FLAGS"', edited=("src",), slow=True,
            again='make -s -j$JOBS MALLOC=libc OPTIMIZATION="-O1 $FLAGS"',
            variables={"SOURCE_DATE_EPOCH": "1600000000"}),
    Project("sqlite", "3.40.1", CONFIGURED.format("--disable-tcl", "sqlite3"), "sqlite3", edited=("src",), needs=("tclsh",), slow=True,
            left=AUTOCONF),
    Project("vim", "9.0", 'cd src && CFLAGS="-g -O1 $FLAGS" ./configure -q --with-features=normal --disable-gui --without-x '
            '--with-compiledby=us && make -s -j$JOBS vim', "2:vim", edited=("src",), slow=True, left=AUTOCONF,
            variables={"SOURCE_DATE_EPOCH": "1600000000"}),
    Project("coreutils", "9.1", 'FORCE_UNSAFE_CONFIGURE=1 ' + CONFIGURED.format("--disable-nls", ""), edited=("src", "lib"), slow=True,
            left=AUTOCONF),
    Project("markupsafe", "2.1.5", 'CFLAGS="-O1 $FLAGS" python3 setup.py -q build_ext --inplace', sdist=True, edited=("src/markupsafe",)),
    Project("cargo", "regex 1.7.1", 'RUSTFLAGS="$RUST" cargo build --offline --release -q -j$JOBS', "crates", edited=("app", "regex/src", "memchr/src"),
            crates=(("memchr", "2.5.0"), ("aho-corasick", "0.7.19"), ("regex-syntax", "0.6.27"), ("regex", "1.7.1")), ends=(".rs",),
            needs=("cargo", "rustc"), prepare=workspace,
            left=(r"target/\.rustc_info\.json$", r"/\.fingerprint/", r"\.cargo-lock$", r"/invoked\.timestamp$")),
    Project("java", "JPype 1.5.0", 'find native/java -name "*.java" | sort > list && mkdir -p classes && javac $JAVA -nowarn -d classes @list && '
            'jar --create --date 2020-01-01T00:00:00Z --file all.jar -C classes .', "jpype1", sdist=True, edited=("native/java",), ends=(".java",),
            needs=("javac", "jar")),
]
