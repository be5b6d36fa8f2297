"""rebind.py UWRX...: names whose addresses change between one connection and the next (DNS rebinding). For `unshare -n -m`, as root there: there is nothing but
what is made here, a name server and a server that answers with the address at which it was reached.

A guest that may reach everything connects to each name twice; the name leads to 8.8.4.4 at first, and then to what is in NAMES. Prints where it came to.
"""
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading

NAMES = {"same": ["8.8.4.4"], "loopback": ["127.0.0.1"], "zero": ["0.0.0.0"], "metadata": ["169.254.169.254"], "private": ["10.1.2.3"],
         "both": ["127.0.0.1", "8.8.4.4"], "six": ["::1"], "mapped": ["::ffff:127.0.0.1"], "nat64": ["64:ff9b::7f00:1"], "site": ["fd00:ec2::254"]}
turned = set()

# Addresses, all on lo.
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    for number, address in enumerate(["127.0.0.1", "8.8.4.4", "169.254.169.254", "10.1.2.3"]):
        name = b"lo" if number == 0 else b"lo:%d" % number
        if number:
            fcntl.ioctl(control, 0x8916, struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(address)))  # SIOCSIFADDR
        fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", name, 0x1 | 0x40))  # SIOCSIFFLAGS, IFF_UP
with tempfile.NamedTemporaryFile("w", dir=".", delete=False) as file:
    file.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
os.chmod(file.name, 0o644)
subprocess.run(["mount", "--bind", file.name, "/etc/resolv.conf"], check=True)


def answer(query):
    end = query.index(b"\0", 12) + 5
    name = query[13:13 + query[12]].decode()
    family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(query[end - 3])
    addresses = NAMES.get(name, []) if name in turned else ["8.8.4.4"]
    found = [socket.inet_pton(family, one) for one in addresses if family and (":" in one) == (family == socket.AF_INET6)]
    head = query[:2] + b"\x81\x80\0\1" + struct.pack(">H", len(found)) + b"\0\0\0\0"
    return head + query[12:end] + b"".join(b"\xc0\x0c" + query[end - 4:end - 2] + b"\0\1\0\0\0\0" + struct.pack(">H", len(one)) + one for one in found)


def serve_names():
    while True:
        query, peer = names.recvfrom(512)
        names.sendto(answer(query), peer)


def serve():
    while True:
        connection, _ = listener.accept()
        with connection:
            # Who it was is said first; from then on the name leads elsewhere.
            turned.add(connection.makefile().readline().strip())
            connection.sendall(connection.getsockname()[0].removeprefix("::ffff:").encode())


names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("127.0.0.1", 53))
listener = socket.create_server(("::", 8000), family=socket.AF_INET6, dualstack_ipv6=True)
for target in serve_names, serve:
    threading.Thread(target=target, daemon=True).start()
guest = """
import errno, socket, sys
for name in sys.argv[1:]:
    found = []
    for _ in range(2):
        try:
            with socket.create_connection((name + ".test", 8000), timeout=60) as connection:
                connection.sendall(name.encode() + b"\\n")
                found.append(connection.recv(100).decode())
        except OSError as error:
            found.append(errno.errorcode.get(error.errno, str(error)))
    print(name, *found)
"""
run = subprocess.run([*sys.argv[1:], "run", "--system", "--net", "--allow", "*", "--", "python3", "-c", guest, *NAMES])
os.unlink(file.name)
sys.exit(run.returncode)
