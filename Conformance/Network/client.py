"""client.py HOST[,IPV6-HOST] PORT CLOSED-PORT: prints what a program sees of TCP, but for the addresses."""
import errno
import select
import socket
import sys
import threading

hosts, port, closed = sys.argv[1].split(","), int(sys.argv[2]), int(sys.argv[3])
MANY = 300


def name(error):
    return errno.errorcode.get(error, str(error))


def find(family, to):
    host = hosts[-1 if family == socket.AF_INET6 else 0]
    return socket.getaddrinfo(host, to, family, socket.SOCK_STREAM)[0][4]


def connect(family=socket.AF_INET, to=None):
    address = find(family, to or port)
    connection = socket.socket(family)
    connection.connect(address)
    # What is dialled is what the other end is called.
    assert connection.getpeername()[:2] == address[:2], (connection.getpeername(), address)
    assert connection.getsockname()[1] != 0
    return connection


def read(connection):
    data = b""
    while part := connection.recv(1 << 20):
        data += part
    return data


for family in (socket.AF_INET, socket.AF_INET6):
    with connect(family) as connection:
        connection.sendall(b"eboth families")
        connection.shutdown(socket.SHUT_WR)
        print("echo", read(connection))

with connect() as connection:
    connection.sendall(b"E")
    connection.sendall(b"E")
    print("letters", connection.recv(1))
with connect() as connection:
    connection.sendall(b"s")
    data = read(connection)
    print("received", len(data), data == bytes(range(256)) * 4096 * 20)
with connect() as connection:
    connection.sendall(b"r" + bytes(20 << 20))
    connection.shutdown(socket.SHUT_WR)
    print("sent", read(connection))
with connect() as connection:
    connection.sendall(b"x")
    try:
        print("reset", connection.recv(1))
    except OSError as error:
        print("reset", name(error.errno))
for family in (socket.AF_INET, socket.AF_INET6):
    try:
        connect(family, closed)
    except OSError as error:
        print("closed", name(error.errno))

# Non-blocking, as event loops connect.
address = find(socket.AF_INET, port)
connection = socket.socket()
connection.setblocking(False)
print("begun", name(connection.connect_ex(address)))
select.select([], [connection], [])
print("done", connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), name(connection.connect_ex(address)))
connection.close()
connection = socket.socket()
connection.setblocking(False)
connection.connect_ex((address[0], closed))
select.select([], [connection], [])
print("failed", name(connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)))
connection.close()

# Many at once.
poll, connections = select.poll(), {}
for _ in range(MANY):
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex(address)
    connections[connection.fileno()] = connection
    poll.register(connection, select.POLLOUT)
left = MANY
while left:
    for descriptor, _ in poll.poll():
        assert connections[descriptor].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        poll.unregister(descriptor)
        left -= 1
for number, connection in enumerate(connections.values()):
    connection.setblocking(True)
    connection.sendall(b"e%05d" % number)
print("many", [number for number, connection in enumerate(connections.values()) if connection.recv(9) != b"%05d" % number])
for connection in connections.values():
    connection.close()

# From several threads, each its own.
results = []


def talk(number):
    with connect() as connection:
        connection.sendall(b"e%d" % number)
        connection.shutdown(socket.SHUT_WR)
        results.append(read(connection))


threads = [threading.Thread(target=talk, args=(number,)) for number in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("threads", sorted(results, key=int))

# Nobody has promised UDP.
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
    datagrams.connect((address[0], closed))
    datagrams.send(b"x")
    try:
        datagrams.recv(1)
    except OSError as error:
        print("datagram", name(error.errno))
