#!/bin/bash
# bash: traps, job control with set -m, here-documents, process substitution, coprocesses, and what they rest on.
set -u
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C

echo "== here-documents"
name=world
cat <<EOF
hello $name $((6 * 7)) $(echo nested)
EOF
cat <<'EOF'
literal $name
EOF
cat <<-EOF
	indented
	EOF
cat <<< "a here-string"
# Larger than a pipe holds, so bash has to use a temporary file.
big=$(head -c 300000 /dev/zero | tr '\0' x)
wc -c <<< "$big"

echo "== substitution"
diff <(printf '1\n2\n3\n') <(printf '1\nx\n3\n')
tee >(sed 's/^/copy: /' > copied) > /dev/null <<< "into a process"
wait $!
cat copied
paste <(seq 3) <(seq 4 6) <(seq 7 9)
while read -r a b; do echo "$b $a"; done < <(echo one two)

echo "== coproc"
coproc REVERSE { while read -r line; do rev <<< "$line"; done; }
coproc_pid=$REVERSE_PID
for word in stressed drawer; do echo $word >&"${REVERSE[1]}"; read -r answer <&"${REVERSE[0]}"; echo "$answer"; done
eval "exec ${REVERSE[1]}>&-"
wait "$coproc_pid"; echo "coproc ended with $?"

echo "== traps"
trap 'echo "usr1"' USR1; kill -USR1 $$
(trap 'echo "exit trap, status $?"' EXIT; exit 4); echo "subshell $?"
bash -c 'trap "echo interrupted; exit 5" INT; kill -INT $$; sleep 5'; echo "int $?"
bash -c 'trap "echo terminated; exit 6" TERM; (sleep 0.2; kill -TERM $$) & while :; do sleep 0.05; done'; echo "term $?"
bash -c 'kill -KILL $$'; echo "killed $?"
(set -e; trap 'echo "error on $LINENO" | sed "s/[0-9].*/a line/"' ERR; false; echo never); echo "set -e $?"
(trap '' PIPE; yes 2>/dev/null | head -1; echo "${PIPESTATUS[@]}")
yes | head -1; echo "${PIPESTATUS[@]}"
(set -o pipefail; false | true; echo "pipefail $?")
bash -c 'trap "n=\$((n + 1))" CHLD; set -m; n=0; for i in 1 2 3; do /bin/true; done; wait; [ $n -ge 3 ] && echo "CHLD seen"'
(trap 'echo returned' RETURN; f() { echo in f; }; set -T; f)

echo "== jobs"
for i in 3 1 2; do (sleep 0.$((i * 2)); exit $i) & done
wait -n; echo "first $?"; wait -n; echo "second $?"; wait; echo "all $?"
sleep 60 & kill %1; wait %1; echo "wait $?"
set -m
sleep 60 &
job=$!
[ "$(ps -o pgid= -p $job | tr -d ' ')" = $job ] && echo "a group of its own"
kill -STOP %1
while [ -z "$(jobs -s)" ]; do sleep 0.02; done
jobs -s | tr -s ' '
kill -CONT %1
while [ -z "$(jobs -r)" ]; do sleep 0.02; done
jobs -r | tr -s ' '
kill %1; wait %1 2>/dev/null; echo "ended $?"
(sleep 0.3; exit 8) & fg %% >/dev/null; echo "fg $?"
sh -c 'kill -STOP $$; exit 9' &
while [ -z "$(jobs -s)" ]; do sleep 0.02; done
bg >/dev/null; wait $!; echo "bg $?"
(echo a; sleep 0.1; echo b) | (cat; exit 3) & wait $!; echo "background pipeline $?"
disown -a; set +m

echo "== redirections"
exec 7> seven 8>&7; echo first >&7; echo second >&8; exec 7>&- 8>&-; cat seven
exec 9<> seven; read -r line <&9; echo "read $line"; echo third >&9; exec 9>&-; cat seven
(echo closed >&7) 2>/dev/null || echo "bad descriptor"
{ echo out; echo err >&2; } 2>&1 >/dev/null | sed 's/^/piped: /'
echo "clobber" > kept; (set -C; echo again > kept) 2>/dev/null || echo "noclobber"; echo more >> kept; cat kept
cat < missing 2>/dev/null || echo "missing $?"
read -r -t 0.1 nothing < <(sleep 1); echo "read -t $(($? > 128))"
mapfile -t lines < <(seq 5); echo "${#lines[@]} ${lines[*]}"
cat /dev/fd/3 3<<< "dev fd"
readonly fixed=1; (fixed=2) 2>/dev/null || echo "readonly"
mkdir -p deep/er; cd deep/er && cd -  >/dev/null && pushd deep >/dev/null && basename "$(dirs -l +0)" && popd >/dev/null
# On a line of its own: the parser needs extglob before it reads the pattern.
shopt -s globstar nullglob extglob
echo deep/** none* !(copied|*.sh)
ulimit -n 64; ulimit -n; (ulimit -f 1; trap '' XFSZ; head -c 4096 /dev/zero > limited 2>/dev/null) ; wc -c < limited
enable -n echo; echo "external echo"; enable echo
type -t type cd ls if; hash ls; command -v ls
[[ abc =~ ^a(.)c$ ]] && echo "${BASH_REMATCH[1]}"
printf '%(%Y)T\n' 0
umask 027; : > masked; stat -c %a masked
exec bash -c 'echo "replaced $0"' by-exec
