#!/bin/sh
# git 2.39.5 (Debian 12): `git ls-tree -l` of a tree one of whose blobs is missing says "BAD" in the place of that blob's size and exits
# with 0. One would expect the error that `git cat-file -s` gives of the same blob (exit 128), or git-ls-tree(1)'s "-", which stands for what
# has no size. A reader that takes the column for a number or "-", or trusts the exit status, takes a damaged or partial repository for a
# whole one. What uwrx does: a git source with such a line is refused before the run (Sources/Archives/GitRepository.swift).
set -eu
version=1:2.39.5-0+deb12u3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q "git=$version" > /dev/null 2>&1 || { echo "cannot download git=$version"; exit 1; }
dpkg -x git_*.deb git
run() { GIT_EXEC_PATH=$folder/git/usr/lib/git-core GIT_CONFIG_NOSYSTEM=1 HOME=$folder git/usr/bin/git -C repository "$@"; }
mkdir repository
run init -q
echo data > repository/file
run add file
run -c user.name=n -c user.email=e@example.org commit -q -m m
blob=$(run rev-parse HEAD:file)
rm -f "repository/.git/objects/$(echo "$blob" | cut -c1-2)/$(echo "$blob" | cut -c3-)"
run --version
set +e
line=$(run ls-tree -l HEAD); status=$?
run cat-file -s "$blob" 2> /dev/null; other=$?
set -e
echo "ls-tree -l: $line (exit $status); cat-file -s: exit $other"
[ "$status" = 0 ] && [ "$other" = 128 ] && echo "$line" | grep -q "BAD.*file$"
