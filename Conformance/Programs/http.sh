#!/bin/sh
# python -m http.server with curl: pages, a listing, ranges, uploads refused, many requests at once.
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8
for tool in curl /usr/bin/python3; do command -v $tool >/dev/null || { echo "missing: $tool"; exit 77; }; done
unset http_proxy https_proxy ALL_PROXY 2>/dev/null || true
mkdir -p site/sub
echo '<h1>hello</h1>' > site/index.html
seq 100000 > site/numbers.txt
for i in 1 2 3; do echo "page $i" > site/sub/$i.txt; done
# Port 0 lets the kernel choose, so that two tests (or a busy host) cannot meet; the server says which it got.
/usr/bin/python3 -u -m http.server --bind 127.0.0.1 --directory site 0 > server.out 2> server.err &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
i=0
until grep -q 'port [0-9]' server.out; do i=$((i + 1)); [ $i -lt 300 ] || { echo "no server"; exit 1; }; sleep 0.1; done
port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' server.out)
url=http://127.0.0.1:$port

curl -sS $url/
curl -sS $url/numbers.txt | cksum
curl -sS -o /dev/null -w '%{http_code} %{content_type} %{size_download}\n' $url/sub/1.txt
curl -sS -o /dev/null -w '%{http_code}\n' $url/missing
curl -sS -o /dev/null -w '%{http_code}\n' -X POST -d x=y $url/
curl -sSI $url/numbers.txt | tr -d '\r' | grep -iE '^(HTTP|content-length|content-type)'
curl -sS $url/sub/ | grep -o 'href="[^"]*"'
curl -sS -L -o /dev/null -w '%{http_code} %{num_redirects}\n' $url/sub
curl -sS http://localhost:$port/sub/2.txt
seq 200 | xargs -P 8 -I{} curl -sS -o got-{} $url/sub/3.txt
cat got-* | sort | uniq -c | tr -s ' '
curl -sS --max-time 5 -o /dev/null http://127.0.0.1:1/ || echo "refused: $?"
curl -sS "file://$PWD/site/index.html"
# TERM, as a background process of sh ignores INT.
kill $server; wait $server || true
grep -c '"GET ' server.err
grep -h -o '"GET [^"]*" [0-9]*' server.err | sort | uniq -c | tr -s ' '
