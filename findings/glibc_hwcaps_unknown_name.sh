#!/bin/sh
# glibc 2.36 (Debian 12): the tunable glibc.cpu.hwcaps takes names of features of the processor with a minus. One would expect a name that is
# none, such as FMA_Usable, which manuals of older versions have, to be an error or at least a warning. It does nothing, without a word, while
# FMA works: and with it the last bits of sin(3) and pow(3) are others, so that the same program gives other bytes on processors with and
# without FMA. What uwrx does: a reproducible run has glibc.cpu.hwcaps=-FMA,-FMA4 (Sources/uwrx/uwrx.docc/WhatVaries.md).
set -eu
version=2.36-9+deb12u14
grep -qw fma /proc/cpuinfo || { echo "this processor has no FMA"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q "libc6=$version" > /dev/null 2>&1 || { echo "cannot download libc6=$version"; exit 1; }
dpkg -x libc6_*.deb libc
cat > compute.c <<'END'
#include <math.h>
#include <stdio.h>
int main(void) {
  unsigned long sum = 0;
  for (int i = 1; i < 100000; i++) {
    union { double value; unsigned long bits; } one = {sin(i * 0.37)}, other = {pow(i / 7.0, 1.37)};
    sum = sum * 31 + one.bits + other.bits;
  }
  printf("%lx\n", sum);
}
END
cc -O1 -ffp-contract=off compute.c -o compute -lm
compute() {
  GLIBC_TUNABLES=$1 libc/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 --library-path libc/lib/x86_64-linux-gnu ./compute 2>&1
}
usual=$(compute '') unknown=$(compute glibc.cpu.hwcaps=-FMA_Usable,-NoSuchName) without=$(compute glibc.cpu.hwcaps=-FMA,-FMA4)
echo "libc6 $version: usual $usual, with a name that is none $unknown, without FMA $without"
[ "$usual" = "$unknown" ] && [ "$usual" != "$without" ]
