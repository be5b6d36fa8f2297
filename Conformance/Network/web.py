"""web.py DIRECTORY: serves a directory of the host's loopback over HTTP and HTTPS, by an authority of its own. Ends when its input does.

Makes DIRECTORY/../ca.pem, and prints the two ports. Beside files: POST gives the body back reversed, /chunked an answer in chunks, /gzip one that
is compressed, what is below /ranged/ the contents of `large` or the range of them that is asked for, below /broken/ a half of them where no range
is, /empty one of status 204, /moved a redirection, /cookie sets one and tells which it got, /length how long the header X-Secret was, /bomb 100 MB
of zeros, compressed, and below /git/ are the directory's repositories, as `git http-backend` serves them. The type of FILE is what FILE.type says,
if there is one.
"""
import functools
import gzip
import http.server
import os
import ssl
import subprocess
import sys
import threading

directory = os.path.abspath(sys.argv[1])
base = os.path.dirname(directory)


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, cwd=base, stderr=subprocess.DEVNULL)


KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
openssl("req", "-x509", *KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=Authority of a test")
openssl("req", *KEY, "-keyout", "web.key", "-out", "web.csr", "-subj", "/CN=web.test")
with open(os.path.join(base, "names"), "w") as file:
    file.write("subjectAltName=DNS:web.test,DNS:*.web.test\n")
openssl("x509", "-req", "-in", "web.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "names",
        "-out", "web.pem")


BOMB = gzip.compress(bytes(100 << 20), 1)


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, body, *headers, status=200):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_range(self):
        with open(os.path.join(directory, "large"), "rb") as file:
            data = file.read()
        tag = ("ETag", '"%s"' % self.headers.get("X-Tag", "1"))
        wanted = self.headers.get("Range")
        if self.path.startswith("/broken/") and not wanted:
            self.send_response(200)
            self.send_header(*tag)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:len(data) // 2])
            self.close_connection = True
        elif wanted:
            first, last = wanted.removeprefix("bytes=").split("-")
            part = data[int(first):int(last or len(data) - 1) + 1]
            self.answer(part, tag, ("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"), status=206)
        else:
            self.answer(data, tag)

    def guess_type(self, path):
        try:
            with open(path + ".type") as file:
                return file.read().strip()
        except OSError:
            return super().guess_type(path)

    def git(self):
        path, _, query = self.path.removeprefix("/git").partition("?")
        environment = {"GIT_PROJECT_ROOT": directory, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
                       "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                       "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""), "GIT_PROTOCOL": self.headers.get("Git-Protocol", "")}
        answer = subprocess.run(["git", "http-backend"], input=self.body(), env=os.environ | environment, stdout=subprocess.PIPE).stdout
        head, _, body = answer.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = next((int(value[:3]) for name, value in headers if name == "Status"), 200)
        self.answer(body, *[header for header in headers if header[0] != "Status"], status=status)

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return body

    def do_POST(self):
        if self.path.startswith("/git/"):
            self.git()
        else:
            self.answer(self.body()[::-1])

    def do_GET(self):
        if self.path.startswith("/git/"):
            self.git()
        elif self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"one ", b"two ", b"three\n"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        elif self.path == "/bomb":
            self.answer(BOMB, ("Content-Encoding", "gzip"))
        elif self.path == "/gzip":
            self.answer(gzip.compress(b"packed\n"), ("Content-Encoding", "gzip"), ("Content-Type", "text/plain"))
        elif self.path.startswith(("/ranged/", "/broken/")):
            self.answer_range()
        elif self.path == "/empty":
            self.answer(b"", status=204)
        elif self.path == "/moved":
            self.answer(b"", ("Location", "/file"), status=302)
        elif self.path == "/length":
            self.answer(f"{len(self.headers.get('X-Secret', ''))}\n".encode())
        elif self.path == "/cookie":
            self.answer(f"{self.headers.get('Cookie')}\n".encode(), ("Set-Cookie", "session=of-the-guest"))
        else:
            super().do_GET()


class Server(http.server.ThreadingHTTPServer):
    # Connections that wait to be accepted: with five, one that sends before it is accepted is reset.
    request_queue_size = 128


servers = [Server(("127.0.0.1", 0), functools.partial(Handler, directory=directory)) for _ in range(2)]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(base, "web.pem"), os.path.join(base, "web.key"))
servers[1].socket = context.wrap_socket(servers[1].socket, server_side=True)
for server in servers:
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(*[server.server_address[1] for server in servers], flush=True)
sys.stdin.read()
