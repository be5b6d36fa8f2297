"""A server of the host's loopback. Prints its port, and one that nobody listens at; ends when its input does.

The first byte of a connection says what it does: s sends 20 MB and waits for the end, r counts until the end, e sends back what comes,
E does so, too, and is one that HTTP could begin with, x resets.
"""
import socket
import struct
import sys
import threading


def serve(connection):
    try:
        what = connection.recv(1)
        if what == b"s":
            for _ in range(20):
                connection.sendall(bytes(range(256)) * 4096)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        elif what == b"r":
            count = 0
            while data := connection.recv(1 << 20):
                count += len(data)
            connection.sendall(b"%d\n" % count)
        elif what in (b"e", b"E"):
            while data := connection.recv(65536):
                connection.sendall(data)
        elif what == b"x":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    except OSError:
        pass


def accept(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


listeners = []
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    listener = socket.socket(family)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind((address, listeners[0].getsockname()[1] if listeners else 0))
    listener.listen(2048)
    listeners.append(listener)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
# Bound, so that nobody else gets it, and never listening.
closed = socket.socket()
closed.bind(("127.0.0.1", 0))
print(listeners[0].getsockname()[1], closed.getsockname()[1], flush=True)
sys.stdin.read()
