#!/bin/sh
# gcc 12.2.0 (Debian 12): an object file that counts for gcov(1) is another each time that it is made of the same source by the same command line,
# in code, too: 8 runs of `gcc --coverage -c` give up to 8 different .o and .gcno files. One would expect a compiler to depend on its arguments and
# sources alone, as this one does without the option. It writes the time at which it began into both files, so that gcov can tell whether they belong
# together; -frandom-seed= makes that a fixed number. What uwrx does: such a call is not recorded by `uwrx run --cache` unless it has
# -frandom-seed= (Sources/Skipping/SkippedPrograms.swift), and a build with such files is the same twice only by `--reproducible`.
set -eu
version=12.2.0-14+deb12u1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q "gcc-12=$version" "cpp-12=$version" libisl23 libmpc3 libmpfr6 libgmp10 > /dev/null 2>&1 || { echo "cannot download gcc-12=$version"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" tools; done
LD_LIBRARY_PATH=$folder/tools/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
gcc=tools/usr/bin/x86_64-linux-gnu-gcc-12
"$gcc" --version | head -1
echo 'int twice(int n) { return n > 0 ? 2 * n : 0; }' > part.c
count() { # different results of so many options
  for number in 1 2 3 4 5 6 7 8; do
    "$gcc" -O1 "$@" -c part.c -o part.o
    cat part.o part.gcno 2> /dev/null | sha256sum
    # Longer than a tick of what it takes for the time.
    sleep 0.02
  done | sort -u | wc -l
}
plain=$(count)
counting=$(count --coverage)
seeded=$(count --coverage -frandom-seed=1)
echo "8 runs gave $plain results without --coverage, $counting with it, $seeded with -frandom-seed=1, too"
[ "$plain" = 1 ] && [ "$counting" -gt 1 ] && [ "$seeded" = 1 ]
