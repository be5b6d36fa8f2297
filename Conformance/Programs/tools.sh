#!/bin/sh
# tar, gzip, xz, find, sort, xargs -P, rsync, sqlite3, perl and the small tools around them.
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C TZ=UTC
for tool in tar gzip xz find sort xargs rsync sqlite3 perl; do command -v $tool >/dev/null || { echo "missing: $tool"; exit 77; }; done
umask 022

echo "== a tree"
mkdir -p tree/a/b tree/empty
seq 2000 | split -a 3 -l 2 - tree/a/part-
seq 5000 > tree/numbers; ln tree/numbers tree/hard; ln -s numbers tree/soft; ln -s nowhere tree/dangling; mkfifo tree/fifo
truncate -s 3M tree/sparse; printf 'end' >> tree/sparse; chmod 640 tree/numbers; chmod 2755 tree/a/b; : > 'tree/a/b/a name
with a newline'
find tree -exec touch -h -d '2001-02-03 04:05:06.789' {} +
find tree | wc -l

echo "== tar"
tar cf tree.tar --sort=name tree && tar tf tree.tar | sort | sed -n '1,4p' && tar tvf tree.tar tree/numbers tree/soft tree/fifo | sed 's/ [^ ]*\/[^ ]*  */ owner /'
tar czf tree.tgz --sort=name tree; tar cJf tree.txz --sort=name tree
for archive in tree.tar tree.tgz tree.txz; do
  mkdir out && tar xpf $archive -C out && diff -r --no-dereference out/tree tree 2>&1 | grep -v fifo || true
  (cd out && find tree ! -name fifo -printf '%p %y %m %n %s %T@ %l\n') | sort | cksum; rm -r out
done
tar cf - -C tree a | (mkdir piped && tar xf - -C piped) && diff -r tree/a piped/a && echo piped; rm -r piped
tar --delete -f tree.tar tree/sparse && tar rf tree.tar tree.tgz && tar tf tree.tar | tail -1
tar cf s.tar --sparse tree/sparse && mkdir out && tar xf s.tar -C out && cmp out/tree/sparse tree/sparse && echo sparse; rm -r out

echo "== gzip"
cp -p tree/numbers plain; gzip -9 plain; gzip -l plain.gz | awk 'END { print $2 }'; gzip -t plain.gz; gunzip -k plain.gz; cmp plain tree/numbers && ls plain*
zcat plain.gz | tail -1; zgrep -c 99 plain.gz; xz -k plain && xz -dc plain.xz | cmp - plain && echo xz
stat -c '%a %.2y' plain

echo "== find"
find tree -type d | sort; find tree -type l -printf '%P -> %l\n' | sort; find tree -empty | sort | head -3 | cat -v
find tree -newermt '2001-02-03 04:05:07' | wc -l; find tree -size +1M; find tree -links 2 -type f | sort; find tree -perm -2000
find tree/a -name 'part-aa?' -exec cat {} + | paste -sd+ | tr -d '\n' | xargs -0 -I{} sh -c 'echo $(({}))'
find tree -samefile tree/hard | sort; find -L tree -type l; find tree -path '*part-a*' -delete; find tree | wc -l

echo "== sort and text"
perl -e 'srand(1); $n = 1; for (1 .. 200000) { $n = ($n * 1103515245 + 12345) & 0x7fffffff; print "$n line $_\n" }' > unsorted
sort -S 1M -T . unsorted | cksum; sort -n -k1,1 --parallel=2 unsorted | head -2; sort -rn -o unsorted unsorted && head -1 unsorted; sort -c unsorted 2>/dev/null || echo unsorted
cut -d' ' -f1 unsorted | sort -u | wc -l; awk '{ s += $3 } END { print s }' unsorted; sed -n '$=' unsorted; md5sum unsorted; sha256sum unsorted
seq 10 | tac | head -3 | paste -sd,; seq 3 | tee t1 t2 > /dev/null && comm -12 t1 t2 | wc -l; seq 5 | shuf --random-source=tree/numbers | sort | wc -l
dd if=unsorted of=part bs=1000 skip=3 count=2 2>/dev/null && wc -c < part; od -An -c part | head -1; fold -w 10 part | wc -l; cat unsorted | cmp - unsorted

echo "== xargs"
seq 200 | xargs -P 4 -n 1 sh -c 'echo $((${0} * 2)) > out-$0' && cat out-* | sort -n | tail -1 && ls out-* | wc -l
seq 400 | xargs -P 8 -n 5 echo | wc -w; printf 'a b\0c\0' | xargs -0 -n 1 printf '[%s]\n'; status=0; seq 3 | xargs -n 1 false || status=$?; echo "xargs $status"
seq 200 | sed 's/^/out-/' | xargs rm; ls out-* 2>/dev/null | wc -l

echo "== rsync"
rsync -a tree/ mirror/ && rsync -ai --delete tree/ mirror/ | wc -l
echo more >> tree/numbers; rm tree/soft; mkdir tree/new; echo x > tree/new/x; rsync -ai --delete tree/ mirror/ | sort
rsync -acn --delete -i tree/ mirror/ | wc -l; rsync -aH --inplace --link-dest=../mirror tree/ third/; stat -c %h third/sparse

echo "== files"
cp -a tree clone && diff -r --no-dereference tree clone 2>&1 | grep -vc fifo || true; mv clone renamed; mv -T renamed clone; rm -rf clone; ls
cp --reflink=auto tree/sparse s2 && cmp s2 tree/sparse; install -m 751 -d inst/x && install -m 604 plain inst/x/p && stat -c '%a %n' inst/x inst/x/p
ln -sfn new latest && ln -sfn newer latest && readlink latest; realpath -m --relative-to=. ./inst/../inst/x; mktemp -d | sed 's/XXX.*//; s/\.[A-Za-z0-9]*$/.random/; s,.*/,,'
(echo "through a fifo" > tree/fifo &) ; cat tree/fifo; (flock 9; echo locked; flock -n lockfile true || echo busy) 9> lockfile; timeout 0.2 sleep 9 || echo "timeout $?"
touch -d @1000000000.5 when && stat -c '%Y %.3y' when; touch -r when other && [ ! when -nt other ] && echo same; date -r when +%F; df -P . | wc -l; du -a inst --apparent-size | cut -f2 | sort
test -r when -a -w when -a ! -x when && echo access; rm -f missing; rmdir tree 2>/dev/null || echo "not empty"; mkdir inst 2>/dev/null || echo exists; cat missing 2>&1 | sed 's/.*: //'
env -i A=1 env; nice -n 5 nice; nohup true 2>/dev/null && echo nohup; expr 6 \* 7; setsid -w true && echo setsid; id -u > /dev/null && hostname > /dev/null; uname -s; getconf PAGESIZE

echo "== sqlite3"
sqlite3 base.db "create table t(a integer primary key, b); with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) insert into t select i, 'row ' || i from n; create index b on t(b); select count(*), max(b) from t; pragma integrity_check"
i=0; while [ $i -lt 200 ]; do echo "insert into t(b) values ('small $i');"; i=$((i + 1)); done | sqlite3 base.db; sqlite3 base.db "select count(*) from t where b like 'small%'"
sqlite3 base.db "pragma journal_mode = wal; delete from t where a % 2; select count(*) from t; vacuum"; (for i in 1 2 3 4; do sqlite3 -cmd '.timeout 20000' base.db "update t set b = b || '!' where a < 50" & done; wait)
sqlite3 base.db "select b from t where a = 2"; sqlite3 base.db .dump | sqlite3 second.db && sqlite3 second.db 'select sum(a) from t'; ls *.db*

echo "== perl"
perl -MFile::Find -MFile::Copy -MFile::Temp=tempfile -MIPC::Open3 -MSocket -MPOSIX=:sys_wait_h -e '
  $| = 1; find(sub { $count++ if -f }, "tree"); print "$count files\n";
  copy("plain", "copied") && print -s "copied", "\n"; my ($handle, $name) = tempfile(UNLINK => 1); print $handle "x"; close $handle; print -s $name, "\n";
  my $pid = open3(my $in, my $out, undef, "tr", "a-z", "A-Z"); print $in "open3\n"; close $in; print <$out>; waitpid $pid, 0; print $? >> 8, "\n";
  my @children = map { my $n = $_; fork() || exit $n } 1 .. 20; my $sum = 0; for (@children) { waitpid $_, 0; $sum += $? >> 8 } print "$sum\n";
  socketpair(my $left, my $right, AF_UNIX, SOCK_STREAM, PF_UNSPEC); if (!fork) { syswrite $right, "socket\n"; exit } print scalar <$left>; wait;
  local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select undef, undef, undef, 20; }; print $@; print `echo backticks`, system("sh", "-c", "exit 3") >> 8, "\n";
  opendir my $dir, "inst"; print join(" ", sort grep !/^\./, readdir $dir), "\n"; open my $self, "<", "/proc/self/cmdline"; print((split /\0/, <$self>)[0], "\n");'
