#!/bin/sh
# Lua from its Debian source package: a plain makefile without ./configure, then the interpreter and the compiler at work.
# sources-package: lua5.4
# timeout: 600
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8
for tool in cc make dpkg-source; do command -v $tool >/dev/null || { echo "missing: $tool"; exit 77; }; done
set -- source/*.dsc
[ -e "$1" ] || { echo "missing: the source package lua5.4"; exit 77; }

dpkg-source --no-check --skip-patches -x "$1" tree >/dev/null 2>&1
cd tree
make -j2 linux > ../make.log 2>&1 || { tail -30 ../make.log; exit 1; }
make -j2 linux 2>&1 | grep -c 'gcc' || true
cat > ../work.lua <<'EOF'
local file = assert(io.open("lines.txt", "w"))
for i = 1, 1000 do file:write(i, "\n") end
file:close()
local sum = 0
for line in io.lines("lines.txt") do sum = sum + tonumber(line) end
print(sum, os.rename("lines.txt", "renamed.txt"), os.remove("renamed.txt"))
print(pcall(error, "caught"))
local pipe = io.popen("echo from a pipe; exit 3")
print(pipe:read("a"), pipe:close())
print(os.execute("exit 4"))
local name = os.tmpname()
print(io.open(name) ~= nil, os.remove(name), io.open("/nonexistent"))
print(select(-1, coroutine.resume(coroutine.create(function(a) return a * 2 end), 21)))
EOF
src/lua ../work.lua
src/luac -o ../work.luac ../work.lua && src/lua ../work.luac | cksum
make INSTALL_TOP="$PWD/../installed" install > ../install.log 2>&1
cd ../installed && find . -type f | LC_ALL=C sort
