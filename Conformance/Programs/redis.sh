#!/bin/sh
# redis with its own benchmark: TCP and a UNIX socket, background save (fork), append-only file, Lua, restart from disk.
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8
for tool in redis-server redis-cli redis-benchmark /usr/bin/python3; do command -v $tool >/dev/null || { echo "missing: $tool"; exit 77; }; done
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cli() { redis-cli -p "$port" "$@"; }
start() {
  redis-server --port "$port" --bind 127.0.0.1 --unixsocket redis.sock --appendonly yes --save '' --daemonize yes \
    --pidfile "$PWD/redis.pid" --logfile redis.log --dir . > /dev/null
  i=0
  until [ "$(cli ping 2>/dev/null)" = PONG ]; do i=$((i + 1)); [ $i -lt 300 ] || { cat redis.log; exit 1; }; sleep 0.1; done
}
stop() {
  cli shutdown save 2>/dev/null || true
  i=0
  while [ -e redis.pid ]; do i=$((i + 1)); [ $i -lt 300 ] || { tail redis.log; exit 1; }; sleep 0.1; done
}
trap 'kill $(cat redis.pid 2>/dev/null) 2>/dev/null || true' EXIT

start
cli set greeting hello; cli get greeting; cli append greeting ' world'; cli strlen greeting
seq 1000 | sed 's/^/rpush list /' | cli > /dev/null; cli llen list; cli lrange list 0 2
cli -s redis.sock incrby counter 41; redis-cli -s ./redis.sock incr counter
cli eval 'return redis.call("get", KEYS[1]) .. "!"' 1 greeting
cli multi; cli config set maxmemory-policy allkeys-lru; cli object encoding counter
cli bgsave; i=0; while cli info persistence | grep -q 'rdb_bgsave_in_progress:1'; do i=$((i + 1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done
cli info persistence | tr -d '\r' | grep -E 'rdb_last_bgsave_status|aof_enabled'
(redis-cli -p "$port" subscribe news > news.out & echo $! > subscriber; wait) &
i=0; until [ "$(cli publish news extra)" = 1 ]; do i=$((i + 1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done
i=0; until grep -q extra news.out; do i=$((i + 1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done
kill "$(cat subscriber)"; wait; tail -1 news.out
# How fast is not shown, only that every kind of request was answered.
redis-benchmark -p "$port" -n 5000 -c 20 -q -t ping,set,get,incr,lpush,rpop,sadd,hset,spop,lrange_100,mset |
  tr '\r' '\n' | sed -n 's/\(.*\): [0-9.]* requests per second.*/\1/p'
redis-benchmark -s redis.sock -n 5000 -c 10 -P 16 --threads 2 -q -t set,get | tr '\r' '\n' | sed -n 's/\(.*\): [0-9.]* requests per second.*/socket \1/p'
cli dbsize > before; stop
ls | grep -E 'rdb|sock' || true
start
cli get greeting; cli dbsize | cmp - before && echo "all there after a restart"
stop
redis-check-rdb dump.rdb 2>/dev/null | grep -o 'RDB looks OK'
grep -c 'oO0OoO0OoO0Oo' redis.log
