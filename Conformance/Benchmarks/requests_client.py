"""What `network` runs: asks for one thing again and again on one connection, and writes what that took as timed.c does. The connection's beginning
and the start of Python are not in it."""

import http.client
import socket
import ssl
import sys
import time

scheme, host, port, path, count, authority, address, proxy = sys.argv[1:]
# Where the name leads is told natively; in a run it is as everywhere.
connect = socket.create_connection
socket.create_connection = lambda place, *rest: connect((address if address and place[0] == host else place[0], place[1]), *rest)
first = ("127.0.0.1", int(proxy)) if proxy else (host, int(port))
if scheme == "https":
    connection = http.client.HTTPSConnection(*first, context=ssl.create_default_context(cafile=authority or None))
    if proxy:
        connection.set_tunnel(host, int(port))
else:
    connection = http.client.HTTPConnection(*first)
    if proxy:
        path = f"http://{host}:{port}/{path.lstrip('/')}"
connection._create_connection = socket.create_connection


def ask():
    connection.request("GET", path, headers={"Host": f"{host}:{port}"})
    answer = connection.getresponse()
    size = len(answer.read())
    if answer.status != 200 or not size or answer.will_close:
        sys.exit(f"status {answer.status}, {size} bytes")


ask()
start = time.perf_counter_ns()
for _ in range(int(count)):
    ask()
print("timed", time.perf_counter_ns() - start)
