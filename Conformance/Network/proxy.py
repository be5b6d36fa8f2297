"""proxy.py LOG CONNECT-PORT HTTP-PORT [CREDENTIALS]: a proxy of HTTP's on the host's loopback, by which names that end in .test lead to 127.0.0.1. Prints its port, and
one that nobody listens at; ends when its input does.

Makes connections (CONNECT) to CONNECT-PORT alone, or with 0 to any, and takes requests that name a host, whose port 80 is at HTTP-PORT. With CREDENTIALS
it asks who is there. A line in LOG for each request: its own, or 407. A host nowhere.test leads nowhere.
"""
import base64
import socket
import sys
import threading

log = open(sys.argv[1], "w", buffering=1)
only, usual = int(sys.argv[2]), int(sys.argv[3])
wanted = b"Basic " + base64.b64encode(sys.argv[4].encode()) if len(sys.argv) > 4 else None


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def join(one, other):
    thread = threading.Thread(target=copy, args=(one, other), daemon=True)
    thread.start()
    copy(other, one)
    thread.join()


def dial(name, port):
    if name == "nowhere.test" or not name.endswith(".test"):
        raise OSError("no such host")
    return socket.create_connection(("127.0.0.1", port))


def answer(client, status):
    client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


def serve(client):
    file = client.makefile("rb")
    while line := file.readline():
        fields = {}
        while (field := file.readline().rstrip()) != b"":
            name, value = field.split(b":", 1)
            fields[name.lower()] = value.strip()
        method, target, _ = line.decode().split()
        if wanted is not None and fields.get(b"proxy-authorization") != wanted:
            log.write("407\n")
            return answer(client, "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=test")
        log.write(f"{method} {target}\n")
        if method == "CONNECT":
            name, port = target.rsplit(":", 1)
            if only and int(port) != only:
                return answer(client, "403 Forbidden")
            try:
                server = dial(name, int(port))
            except OSError:
                return answer(client, "502 Bad Gateway")
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return join(client, server)
        if not target.startswith("http://"):
            return answer(client, "400 Bad Request")
        place, path = target[7:].split("/", 1)
        name, _, port = place.partition(":")
        with dial(name, int(port or usual)) as server:
            kept = [b"%s: %s" % field for field in fields.items() if not field[0].startswith(b"proxy-") and field[0] != b"connection"]
            server.sendall(b"\r\n".join([f"{method} /{path} HTTP/1.1".encode(), *kept, b"Connection: close", b"", b""]))
            copy(server, client)
        return


def run(client):
    with client:
        try:
            serve(client)
        except OSError:
            pass


def accept(listener):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=run, args=(client,), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0))
closed = socket.socket()
closed.bind(("127.0.0.1", 0))
threading.Thread(target=accept, args=(listener,), daemon=True).start()
print(listener.getsockname()[1], closed.getsockname()[1], flush=True)
sys.stdin.read()
