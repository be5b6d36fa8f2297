#!/bin/sh
# zlib from its Debian source package: unpack, ./configure, make -j2, make test (shared, static and 64-bit), install.
# sources-package: zlib
# timeout: 600
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8
for tool in cc make dpkg-source; do command -v $tool >/dev/null || { echo "missing: $tool"; exit 77; }; done
set -- source/*.dsc
[ -e "$1" ] || { echo "missing: the source package zlib"; exit 77; }

dpkg-source --no-check -x "$1" tree >/dev/null 2>&1
cd tree
./configure --prefix="$PWD/../installed" > ../configure.log 2>&1
# What configure found decides what is built; the lines with times or the compiler's version are not shown.
sed 's/\(Checking for gcc\).*/\1/' ../configure.log | grep '^Checking'
make -j2 > ../make.log 2>&1 || { tail -30 ../make.log; exit 1; }
make test 2>&1 | grep -E 'zlib (shared |64-bit )?test|OK|FAIL'
./minigzip < ChangeLog > ../ChangeLog.gz
gzip -dc ../ChangeLog.gz | cmp - ChangeLog && echo "gzip agrees"
make install > ../install.log 2>&1
cd ../installed && find . -type f -o -type l | LC_ALL=C sort
