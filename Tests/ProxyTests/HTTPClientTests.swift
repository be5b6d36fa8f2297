import Testing

@testable import Proxy

/// Real clients and a real server: what they get from a record is what they got from the server.
@Suite(.serialized) struct HTTPClientTests {
  /// Python's server with connections that stay open; it says its port in a line.
  private static let server = """
    import http.server, hashlib, sys
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = sys.argv[1]
        count = 0
        def answer(self, body):
            Handler.count += 1
            self.send_response(200)
            self.send_header('X-Count', str(Handler.count))
            if self.path.startswith('/chunked') and self.protocol_version == 'HTTP/1.1':
                self.send_header('Transfer-Encoding', 'chunked')
                self.end_headers()
                for place in range(0, len(body), 1000):
                    part = body[place:place + 1000]
                    self.wfile.write(b'%x\\r\\n%s\\r\\n' % (len(part), part))
                self.wfile.write(b'0\\r\\n\\r\\n')
            else:
                if not self.path.startswith('/end'):
                    self.send_header('Content-Length', str(len(body)))
                else:
                    self.send_header('Connection', 'close')
                self.end_headers()
                if self.command != 'HEAD':
                    self.wfile.write(body)
        def do_GET(self):
            name = self.path + str(self.headers.get('Range')) + str(self.headers.get('Accept'))
            self.answer(b''.join(hashlib.sha256(b'%s %d' % (name.encode(), i)).digest() for i in range(3000)))
        do_HEAD = do_GET
        def do_POST(self):
            if self.headers.get('Transfer-Encoding') == 'chunked':
                body = b''
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers['Content-Length']))
            self.answer(b'%d %s' % (len(body), hashlib.sha256(body).hexdigest().encode()))
        do_PUT = do_POST
        def log_message(self, *arguments):
            pass
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
    """

  private static let client = """
    import http.client, sys
    connection = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))
    for method, path, body in [('GET', '/a', None), ('GET', '/chunked', None), ('POST', '/p', b'x' * 100000),
                               ('POST', '/q', iter([b'a', b'b' * 5000])), ('HEAD', '/a', None), ('GET', '/end', None)]:
        headers = {'Host': 'example.org'}
        if not isinstance(body, (bytes, type(None))):
            headers['Transfer-Encoding'] = 'chunked'
        connection.request(method, path, body, headers, encode_chunked=True)
        answer = connection.getresponse()
        sys.stdout.buffer.write(b'%d %s' % (answer.status, str(answer.headers).encode()) + answer.read())
    """

  private static func clients(_ port: Int) -> [[String]] {
    let url = "http://example.org:\(port)"
    let curl = [
      "curl", "-sS", "-i", "--noproxy", "*", "--max-time", "20", "--resolve", "example.org:\(port):127.0.0.1",
    ]
    let next = { (arguments: [String]) in ["--next"] + curl.dropFirst() + arguments }
    return [
      curl + ["\(url)/a", "\(url)/b", "\(url)/chunked?x"] + next(["-I", "\(url)/a"])
        + next(["-r", "0-99", "\(url)/a"]) + next(["-H", "Accept: text/html", "\(url)/a"])
        + next(["-d", String(repeating: "z", count: 20_000), "-H", "Expect: 100-continue", "\(url)/p"])
        + next(["-T", "/usr/bin/env", "-H", "Transfer-Encoding: chunked", "\(url)/q"])
        + next(["\(url)/end"]) + next(["\(url)/c"]),
      curl + ["-Z", "--parallel-max", "8"] + (0..<40).map { "\(url)/p\($0)" },
      curl + ["-0", "\(url)/zero"], ["python3", "-c", client, "\(port)"],
      ["wget", "-q", "-O", "-", "--header=Host: example.org", "http://127.0.0.1:\(port)/w"],
    ]
  }

  /// A server of HTTP/1.0 sends none, but a replay does; the client goes on without after a second.
  private static func withoutContinue(_ bytes: [UInt8]) -> [UInt8] {
    bytes.split(separator: Array("HTTP/1.1 100 Continue\r\n\r\n".utf8), omittingEmptySubsequences: false).flatMap(
      \.self)
  }

  @Test(arguments: ["HTTP/1.0", "HTTP/1.1"])
  func clientsGetFromARecordWhatTheyGotFromTheServer(version: String) throws {
    let server = Program(["python3", "-c", Self.server, version])
    let port = try #require(Int(server.line()))
    let directory = ProxyHarness.Directory()
    // The port is part of the Host fields only.
    let recording = try ProxyHarness.record(upstream: port, into: directory)
    let recorded = Self.clients(recording.port).map { Program($0).finish() }
    recording.stop()
    _ = server.end()
    #expect(recorded.map(\.status) == [0, 0, 0, 0, 0])
    #expect(recorded[0].bytes.count > 5 * 96_000)
    let replay = try ProxyHarness.replay(from: directory)
    defer { replay.stop() }
    let replayed = Self.clients(replay.port).map { Program($0).finish() }
    #expect(replayed.map(\.status) == [0, 0, 0, 0, 0])
    #expect(replay.told.value.withLock { $0.misses } == [])
    for (place, pair) in zip(recorded, replayed).enumerated() where place != 1 {
      #expect(Self.withoutContinue(pair.0.bytes) == Self.withoutContinue(pair.1.bytes), "client \(place)")
    }
    // Parallel answers come in any order.
    #expect(recorded[1].bytes.sorted() == replayed[1].bytes.sorted())
  }
}
