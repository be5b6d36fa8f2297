#!/bin/sh
# sshd: root's locks its unprivileged half up (chroot, another user, a seccomp filter of its own), an ordinary user's serves that user.
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C.UTF-8
for tool in sshd ssh sftp ssh-keygen /usr/bin/python3; do command -v $tool >/dev/null || { echo "missing: $tool"; exit 77; }; done
home=$(getent passwd "$(id -u)" | cut -d: -f6)
[ -n "$home" ] || { echo "missing: a user of the number $(id -u)"; exit 77; }
umask 077
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# The package's own service makes it at its start.
made=
if [ "$(id -u)" = 0 ] && [ ! -d /run/sshd ]; then mkdir -m 755 /run/sshd; made=/run/sshd; fi
# Where nobody may read who has a password, root is taken for locked.
if [ "$(id -u)" = 0 ] && [ ! -e /etc/shadow ]; then echo 'root:*:19000::::::' > /etc/shadow; fi
mkdir -p "$home" /var/log 2>/dev/null || true
[ -e /var/log/lastlog ] || touch /var/log/lastlog 2>/dev/null || true
ssh-keygen -q -t ed25519 -N '' -f host
ssh-keygen -q -t ed25519 -N '' -f client
ssh-keygen -q -t ed25519 -N '' -f stranger
cp client.pub authorized
cat > config <<C
Port $port
ListenAddress 127.0.0.1
HostKey $PWD/host
AuthorizedKeysFile $PWD/authorized
PidFile $PWD/pid
StrictModes no
UsePAM no
PrintMotd no
PrintLastLog no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
C
# A command of the user's shell has what the login gives it, and no more.
options="-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=known -o BatchMode=yes -o LogLevel=ERROR -o IdentitiesOnly=yes"
$(command -v sshd) -D -e -f "$PWD/config" 2>log &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; [ -z "$made" ] || rmdir $made' EXIT
for _ in $(seq 100); do
  if ssh $options -i client -p "$port" 127.0.0.1 true 2>/dev/null; then break; fi
  sleep 0.1
done
ssh $options -i client -p "$port" 127.0.0.1 'echo "$((6 * 7))"; id -u; echo error >&2; exit 3' || echo "status $?"
seq 100000 | ssh $options -i client -p "$port" 127.0.0.1 'sort -rn | head -2; cat > /dev/null'
ssh $options -i stranger -p "$port" 127.0.0.1 true 2>/dev/null || echo "a stranger: $?"
ssh $options -tt -i client -p "$port" 127.0.0.1 'tty | sed "s/[0-9]*$/N/"; stty size' </dev/null | tr -d '\r'
seq 5000 > sent
printf 'put sent received\nls -1 received\n' | sftp -q $options -i client -P "$port" -b - 127.0.0.1:"$PWD" | grep -v '^sftp>' || true
cmp sent received && echo "the same"
kill $server
wait $server || true
rm -f host* client* stranger* authorized config pid log known sent received
