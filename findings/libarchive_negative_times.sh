#!/bin/sh
# libarchive 3.6.2 (Debian 12): of a pax header's time before 1970 with a fraction, as "-1.5", the sign goes to the seconds alone: the entry's
# time is -1 s and 500,000,000 ns, which as a timespec is -0.5 s. POSIX (pax, "Extended Header Keywords") and GNU tar mean -1.5 s, which is
# -2 s and 500,000,000 ns. Who hands archive_entry_mtime and archive_entry_mtime_nsec to utimensat(2), as bsdtar does, sets a time that is off by
# twice the fraction. What uwrx does: the fraction is taken away from the second (Sources/Archives/LibArchive.swift).
set -eu
version=3.6.2-1+deb12u5
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in libarchive-tools libarchive13; do
  apt-get download -q "$package=$version" > /dev/null 2>&1 || { echo "cannot download $package=$version"; exit 1; }
done
for package in *.deb; do dpkg -x "$package" root; done
touch -d @-1.5 file
tar --format=pax -cf archive.tar file
rm file
LD_LIBRARY_PATH=$(echo "$folder"/root/usr/lib/*-linux-gnu) root/usr/bin/bsdtar -xf archive.tar
one=$(stat -c %.9Y file)
tar -xf archive.tar 2> /dev/null
other=$(stat -c %.9Y file)
echo "packed -1.5; bsdtar sets $one, tar sets $other"
[ "$one" = -0.500000000 ] && [ "$other" = -1.500000000 ]
