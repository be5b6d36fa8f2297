"""flood.py HOST PORT CHILDREN EACH NAMES: what a guest does to the other side of its network to keep it from the others: asks for names without end, and holds
connections on which requests, TLS and nothing are half said. Prints what another program is answered meanwhile.

PORT is server.py's.
"""
import os
import socket
import sys

host, port, children, each, names = sys.argv[1], *map(int, sys.argv[2:6])
halves = [b"", b"E", b"GET / HTTP/1.1\r\nHost: " + host.encode(), b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\nHost: x\r\n\r\n" + bytes(1000),
          b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/1.1\r\nX: " + b"x" * 60000]
address = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)[0][4]


def hold(number, ready, over):
    held = []
    for index in range(each):
        connection = socket.socket()
        connection.settimeout(20)
        try:
            connection.connect(address)
            connection.sendall(halves[index % len(halves)])
            held.append(connection)
        except OSError:
            break
    os.write(ready, b"%c" % (len(held) > 0))
    os.read(over, 1)
    os._exit(0)


def ask(count):
    """Names of which none may be reached."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        for number in range(count):
            name = b"%d" % number
            datagrams.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0" + b"%c%b" % (len(name), name) + b"\5other\4test\0\0\1\0\1", ("10.0.2.3", 53))


ready, over = os.pipe(), os.pipe()
for number in range(children):
    if os.fork() == 0:
        os.close(over[1])
        hold(number, ready[1], over[0])
held = [os.read(ready[0], 1)[0] for _ in range(children)]
ask(names)
for _ in range(3):
    with socket.create_connection((host, port), timeout=60) as connection:
        connection.sendall(b"eserved")
        connection.shutdown(socket.SHUT_WR)
        print(connection.recv(100))
os.close(over[1])
for _ in range(children):
    os.wait()
print("held" if any(held) else "nothing was held")
