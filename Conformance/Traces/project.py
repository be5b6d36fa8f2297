"""What `compare` builds: a project that it writes itself, and real ones from Debian source packages."""
import os
import subprocess

DEPTH = 10  # translation units in a folder

HEADER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct item { int key; const char *name; };
static inline int weight(const struct item *item) { return item->key * (int)strlen(item->name); }
"""

UNIT = r"""
#include "common.h"
#include "generated.h"
int unit_{number}(int value) {{
  struct item item = {{value + {number}, FOLDER}};
  return weight(&item) % 1009;
}}
"""

FOLDER_MAKEFILE = r"""
OBJECTS = $(patsubst %.c,%.o,$(wildcard *.c))
lib.a: $(OBJECTS)
	$(AR) rc $@ $^
	ranlib $@
	@nm $@ | grep ' T ' | sort > symbols.new; if cmp -s symbols.new symbols; then rm -f symbols.new; else mv symbols.new symbols; fi
	-@grep -q 'no such symbol' symbols
	-@sh -c 'kill -9 $$$$'
%.o: %.c generated.h
	@mkdir -p deps
	$(CC) -O0 -I../include -MMD -MF deps/$*.new -c -o $@ $<
	@sed 's/^ *//' deps/$*.new > deps/$*.d && rm -f deps/$*.new
generated.h: ../tools/header.sh
	@../tools/header.sh {name} > $@.part && mv $@.part $@
"""

MAKEFILE = r"""
FOLDERS = {folders}
LIBRARIES = $(FOLDERS:%=%/lib.a)
.PHONY: all $(FOLDERS) files failures
all: program files failures
	./program > output
$(FOLDERS):
	+@$(MAKE) --no-print-directory -C $@
main.o: main.c
	$(CC) -O0 -c -o $@ $<
program: main.o $(FOLDERS)
	$(CC) -o $@ main.o $(LIBRARIES)
files: program
	@mkdir -p stage/bin stage/empty stage/share/a/b && cp -p program stage/bin/program && chmod 755 stage/bin/program
	@ln -s bin/program stage/link && ln stage/bin/program stage/second && mv stage/share/a stage/share/c && rmdir stage/empty
	@cat stage/link > stage/copy && truncate -s 100 stage/copy && chmod 600 stage/copy && rm stage/second
	@(cd stage && find . -type f | sort | xargs cksum > ../sums; exit 3) || echo "as expected: $$?" >> sums
	@tar cf - stage | (mkdir -p unpacked && cd unpacked && tar xf -) && rm -rf unpacked
	@mkfifo stage/pipe && (echo through > stage/pipe & cat stage/pipe > stage/through; wait) && rm stage/pipe
	@./tools/plain > stage/plain && ./tools/nested.sh stage
failures: program
	-@./program abort 2> /dev/null
	-@./program crash 2> /dev/null
	-@false
	-@./absent 2> /dev/null
	-@./tools/unreadable-interpreter 2> /dev/null
	@! cat stage/absent 2> /dev/null
"""

MAIN = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{declarations}
int main(int count, char **arguments) {{
  long sum = 0;
  if (count > 1 && !strcmp(arguments[1], "abort")) abort();
  if (count > 1) raise(SIGSEGV);
  {calls}
  printf("%ld\n", sum);
  return 0;
}}
"""

TOOLS = {
    "header.sh": "#!/bin/sh\nset -eu\nexec printf '#define FOLDER \"%s\"\\n' \"$1\"\n",
    "plain": "echo a script without a first line; (exit 5); echo $?\n",
    "nested.sh": "#!/bin/sh\ncd \"$1\" && (sleep 0; exec cat copy >/dev/null) & wait $!; sh -c 'exec env A=1 sh -c \"exit 7\"'; exit 0\n",
    "unreadable-interpreter": "#!/nonexistent/interpreter\n",
}


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, mode)


def generate(root, units):
    """Writes a project of so many translation units."""
    folders = [f"d{number:03}" for number in range((units + DEPTH - 1) // DEPTH)]
    write(f"{root}/include/common.h", HEADER)
    for name, text in TOOLS.items():
        write(f"{root}/tools/{name}", text, 0o755)
    for number in range(units):
        write(f"{root}/{folders[number // DEPTH]}/unit_{number}.c", UNIT.format(number=number))
    for name in folders:
        write(f"{root}/{name}/Makefile", FOLDER_MAKEFILE.format(name=name))
    write(f"{root}/Makefile", MAKEFILE.format(folders=" ".join(folders)))
    write(f"{root}/main.c", MAIN.format(
        declarations="\n".join(f"int unit_{number}(int);" for number in range(units)),
        calls="\n  ".join(f"sum += unit_{number}({number});" for number in range(units))))


def unpack(root, package):
    """Unpacks a Debian source package that Conformance/Programs/fetch-sources has got. Returns what is missing, if anything is."""
    cache = os.environ.get("UWRX_TEST_CACHE", "/var/tmp/uwrx-test-cache")
    folder = os.path.join(cache, package)
    found = [name for name in os.listdir(folder) if name.endswith(".dsc")] if os.path.isdir(folder) else []
    if not found:
        return f"the source package {package} is not in {cache}: Conformance/Programs/fetch-sources {package}"
    done = subprocess.run(["dpkg-source", "--no-check", "--skip-patches", "-x", os.path.join(folder, found[0]), root],
                          capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr


# Name: what fills the folder (returns what is missing), the command, the tools that it needs.
PROJECTS = {
    "generated": (lambda root, units: generate(root, units), ["make", "-j4"], ("make", "gcc")),
    "lua": (lambda root, units: unpack(root, "lua5.4"), ["make", "-j2", "linux"], ("make", "gcc", "dpkg-source")),
    "zlib": (lambda root, units: unpack(root, "zlib"), ["sh", "-c", "./configure && make -j2"], ("make", "gcc", "dpkg-source")),
}
