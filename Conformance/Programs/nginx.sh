#!/bin/sh
# nginx: master and workers (root's stay root: in the guest there is no other user to become, and no right to set groups), sendfile, epoll, reload, reopen, graceful stop.
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin LC_ALL=C.UTF-8
for tool in nginx curl /usr/bin/python3; do command -v $tool >/dev/null || { echo "missing: $tool"; exit 77; }; done
unset http_proxy 2>/dev/null || true
umask 022
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir -p site logs temp
echo '<h1>hello</h1>' > site/index.html
seq 200000 > site/numbers.txt
configure() { # <word that /version answers>
  { [ "$(id -u)" != 0 ] || echo "user root;"; cat <<EOF
worker_processes 2;
pid nginx.pid;
error_log logs/error.log warn;
events { worker_connections 256; }
http {
  types { text/html html; text/plain txt; }
  access_log logs/access.log;
  client_body_temp_path temp/body; proxy_temp_path temp/proxy; fastcgi_temp_path temp/f; uwsgi_temp_path temp/u; scgi_temp_path temp/s;
  sendfile on; tcp_nopush on; gzip on; gzip_types text/plain; aio threads;
  upstream itself { server unix:$PWD/nginx.sock; }
  server {
    listen 127.0.0.1:$port; root site;
    location /version { return 200 "$1\n"; }
    location /list/ { alias site/; index none; autoindex on; }
    location /proxied/ { proxy_pass http://itself/; }
  }
  server { listen unix:$PWD/nginx.sock; root site; location / { add_header X-Through socket; } }
}
EOF
  } > nginx.conf
}
run() { nginx -e logs/early.log -p "$PWD" -c nginx.conf "$@"; }
url=http://127.0.0.1:$port
answers() { i=0; until [ "$(curl -s $url/version)" = "$1" ]; do i=$((i + 1)); [ $i -lt 300 ] || { cat logs/error.log; exit 1; }; sleep 0.1; done; echo "version $1"; }

configure first
run -t 2>&1 | sed 's/.*: configuration file .* test/test/; s/.* syntax/syntax/'
run
trap 'kill $(cat nginx.pid 2>/dev/null) 2>/dev/null || true' EXIT
answers first
curl -sS $url/
curl -sS $url/numbers.txt | cksum
curl -sS --compressed $url/numbers.txt | cksum
curl -sS -r 10-19 $url/numbers.txt | od -An -c
curl -sS -o /dev/null -w '%{http_code} %{content_type}\n' $url/missing
curl -sS -o /dev/null -D - $url/proxied/index.html | tr -d '\r' | grep -E '^(HTTP|X-Through)'
curl -sS $url/list/ | grep -o 'href="[^"]*"'
curl -sS --unix-socket nginx.sock http://any/index.html
seq 300 | xargs -P 8 -I{} curl -sS -o got-{} $url/index.html
cat got-* | sort | uniq -c | tr -s ' '
ps -o args= --ppid "$(cat nginx.pid)" | sort | uniq -c | tr -s ' '
if [ "$(id -u)" = 0 ]; then ps -o user= --ppid "$(cat nginx.pid)" | sort -u; fi

configure second
run -s reload
answers second
mv logs/access.log logs/old.log; run -s reopen
i=0; until [ -e logs/access.log ]; do i=$((i + 1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done
curl -sS -A counted $url/ > /dev/null; i=0; until grep -q counted logs/access.log; do i=$((i + 1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done
grep -c 'GET /index.html' logs/old.log
run -s quit
i=0; while [ -e nginx.pid ]; do i=$((i + 1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done
curl -sS -o /dev/null $url/ 2>/dev/null || echo "stopped: $?"
sed 's/.*\] [0-9#]*: //' logs/error.log | grep -v -e 'No such file' -e initgroups || true
