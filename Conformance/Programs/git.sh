#!/bin/sh
# git: 4,000 files through init, add, commit, branch, merge, clone (hard links and transport), gc and fsck.
# Dates and names are fixed, so the commit ids must be the same everywhere.
# timeout: 300
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C
command -v git >/dev/null || { echo "missing: git"; exit 77; }
export HOME="$PWD" GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_AUTHOR_DATE='2001-02-03T04:05:06Z'
export GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.org GIT_COMMITTER_DATE='2001-02-03T04:05:07Z'
git config --global init.defaultBranch main
git config --global gc.auto 0

git init -q repository
cd repository
awk 'BEGIN {
  for (d = 0; d < 40; d++) {
    directory = sprintf("d%02d/e%d", d, d % 5); system("mkdir -p " directory)
    for (f = 0; f < 100; f++) {
      file = sprintf("%s/f%03d.txt", directory, f)
      for (line = 0; line < 10; line++) print d, f, line, d * f * line > file
      close(file)
    }
  }
}'
git add -A
git status --short | wc -l
git commit -qm 'four thousand files'
git rev-parse HEAD
git status --short
echo changed >> d00/e0/f000.txt; rm d01/e1/f001.txt; git mv d02/e2/f002.txt moved.txt; echo new > untracked
git status --short
git diff --stat
git stash -q; git status --short; git stash pop -q; git status --short | wc -l
rm untracked
git commit -qam 'second'
git checkout -q -b topic HEAD~1
echo topic > topic.txt; git add topic.txt; git commit -qm 'on a branch'
git checkout -q main
git merge -q --no-edit topic
git log --format='%h %s' --graph
git grep -l '39 99 9 ' | head -3
git tag -a -m tagged v1
git blame -s d00/e0/f000.txt | tail -1
git archive --format=tar v1 | tar t | wc -l
git worktree add -q ../worktree topic && ls ../worktree | wc -l && git worktree remove ../worktree
cd ..

git clone -q repository clone
git clone -q --no-local repository copied
git clone -q --bare --no-hardlinks repository bare.git
git clone -q --depth 1 "file://$PWD/repository" shallow
for each in clone copied shallow; do (cd $each && git rev-parse HEAD && git status --short && git ls-files | wc -l); done
(cd clone && git rm -rq d1* && git commit -qm 'removed' && git ls-files | wc -l && git push -q origin HEAD:removed)
(cd copied && git fetch -q && git reset -q --hard origin/removed && git clean -fdxq && git ls-files | wc -l && ls)
(cd copied && git rebase -q origin/topic >/dev/null 2>&1 && git log --format=%s | head -3)

cd repository
git gc -q --aggressive --prune=now
find .git/objects -name '*.pack' | wc -l
git count-objects -v | grep -E '^(count|in-pack|packs|garbage)'
git fsck --full --strict 2>&1 && echo "fsck: good"
(cd ../bare.git && git repack -adq && git fsck 2>&1 && git rev-parse v1^{})
# Damage must be seen.
pack=$(echo .git/objects/pack/*.pack)
chmod u+w "$pack"; printf x | dd of="$pack" bs=1 seek=5000 conv=notrunc 2>/dev/null
if git fsck --full >/dev/null 2>&1; then echo "damage not seen"; exit 1; else echo "fsck: damage seen"; fi
