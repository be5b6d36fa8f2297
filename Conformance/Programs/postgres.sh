#!/bin/sh
# postgres as an ordinary user (it refuses to run as root): initdb, start, psql, pgbench, a crash and its recovery, stop.
# Shared memory, semaphores, fsync, signals between processes, UNIX and TCP sockets.
# users: user mapped
# timeout: 300
set -eu
PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8
for directory in /usr/lib/postgresql/*/bin; do PATH=$directory:$PATH; done
export PATH LC_ALL
for tool in initdb pg_ctl psql pgbench /usr/bin/python3; do command -v $tool >/dev/null || { echo "missing: $tool"; exit 77; }; done
id -un >/dev/null 2>&1 || { echo "missing: an entry in /etc/passwd for uid $(id -u)"; exit 77; }
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PGDATA="$PWD/data" PGHOST="$PWD" PGPORT="$port" PGUSER=postgres PGDATABASE=postgres TZ=UTC
start() { pg_ctl -w -t 120 -l server.log -o "-k '$PWD' -c listen_addresses=127.0.0.1 -p $port" start > start.log || { cat start.log server.log; exit 1; }; }
ask() { psql -X -A -t -q -v ON_ERROR_STOP=1 "$@"; }

initdb -A trust -U postgres -E UTF8 --locale=C > initdb.log 2>&1 || { tail -20 initdb.log; exit 1; }
cat data/PG_VERSION | grep -c '[0-9]'; stat -c %a data
start
trap 'pg_ctl -m immediate stop >/dev/null 2>&1 || true' EXIT
ask -c 'select 6 * 7'
ask -h 127.0.0.1 -c "select 'over tcp'"
ask <<'EOF'
create table t(id serial primary key, name text unique, n int);
insert into t(name, n) select 'row ' || i, i % 100 from generate_series(1, 50000) i;
create index on t(n);
analyze t;
select count(*), sum(n), min(name) from t;
select n, count(*) from t where n < 3 group by n order by n;
begin; delete from t where n = 5; rollback; select count(*) from t where n = 5;
begin; delete from t where n = 6; commit; select count(*) from t where n = 6;
set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;
select count(distinct name) from t;
create function twice(i int) returns int language plpgsql as $$ begin return i * 2; end $$;
select twice(21);
\copy (select id, n from t order by id limit 1000) to 'copied.csv' csv
vacuum full t;
listen channel;
EOF
wc -l < copied.csv
ask -c 'insert into t(name) values (null), (null)' && ask -c "insert into t(name) values ('row 1')" 2>&1 | head -1
pgbench -i -q -s 1 > /dev/null 2>&1
pgbench -n -c 4 -j 2 -t 100 2>/dev/null | grep -E 'actually processed|failed'
ask -c 'select count(*) from pgbench_history'
pg_dump -t t | grep -c '^[0-9]'
# Killed in mid-work it has to come back with what was committed.
ask -c "insert into t(name, n) values ('kept', 1000)"
pg_ctl -m immediate stop > /dev/null
start
ask -c "select name from t where n = 1000"
grep -c 'redo done' server.log
for i in 1 2 3 4 5 6; do ask -c "update t set n = n + 1 where name = 'kept'" & done; wait
ask -c "select n from t where name = 'kept'"
pg_ctl -m fast stop
pg_controldata | grep 'cluster state' | tr -s ' '
