"""git.py DIRECTORY: serves the repositories in a directory of the host's loopback, also to be pushed to: over HTTP by `git http-backend`, and
over git's own protocol by `git daemon`. Prints the two ports. Ends when its input does.
"""
import http.server
import os
import socketserver
import subprocess
import sys
import threading

directory = os.path.abspath(sys.argv[1])


class Backend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def read_body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def serve(self):
        path, _, query = self.path.partition("?")
        body = self.read_body()
        environment = dict(
            os.environ, GIT_PROJECT_ROOT=directory, GIT_HTTP_EXPORT_ALL="1", REMOTE_USER="guest", REQUEST_METHOD=self.command,
            PATH_INFO=path, QUERY_STRING=query, CONTENT_TYPE=self.headers.get("Content-Type", ""), CONTENT_LENGTH=str(len(body)),
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""), GIT_PROTOCOL=self.headers.get("Git-Protocol", ""))
        output = subprocess.run(["git", "http-backend"], input=body, env=environment, stdout=subprocess.PIPE).stdout
        head, _, body = output.partition(b"\r\n\r\n")
        fields = [line.decode().split(": ", 1) for line in head.split(b"\r\n")]
        self.send_response(next((int(value.split()[0]) for name, value in fields if name == "Status"), 200))
        for name, value in fields:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = serve


class Daemon(socketserver.BaseRequestHandler):
    def handle(self):
        subprocess.run(
            ["git", "daemon", "--inetd", "--export-all", "--enable=receive-pack", f"--base-path={directory}"],
            stdin=self.request, stdout=self.request, stderr=subprocess.DEVNULL)


servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend), socketserver.ThreadingTCPServer(("127.0.0.1", 0), Daemon)]
for server in servers:
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(*[server.server_address[1] for server in servers], flush=True)
sys.stdin.read()
