import Testing

@testable import Proxy

/// Clients and servers of HTTP/2 that are not ours: by way of the proxy they hear what they hear without, and again without the server.
@Suite(.serialized) struct HTTP2ClientTests {
  private func withServer(_ body: (Int, Program) throws -> Void) throws {
    let server = Program(["node", "-e", HTTP2Programs.server])
    try body(try #require(Int(server.line())), server)
  }

  private static func text(_ program: Program) -> String { String(decoding: program.finish().bytes, as: UTF8.self) }

  /// Without what differs from one answer of the server's to the next.
  private static func lasting(_ text: String) -> String {
    var text = text
    for (begin, end) in [("\"date\":\"", " GMT\""), ("\"x-count\":", ",")] {
      text = text.components(begin).enumerated().map { place, part in
        place == 0 ? part : part.components(end).dropFirst().joined(separator: end)
      }.joined(separator: begin)
    }
    return text
  }

  /// Without what is not kept: informational answers, and GOAWAY.
  private static func kept(_ text: String) -> [String] {
    text.components("\n").map { $0.components("{\":status\":103").count > 1 ? "" : $0.components("/hint ").last! }
      .filter { !$0.isEmpty && !$0.hasPrefix("goaway") && $0 != "closed" }
  }

  @Test(arguments: [
    ["/bytes/0", "/bytes/5", "/bytes/20000000", "/nothing", "/empty", "/hint"],
    ["upload=0", "upload=3", "upload=20000000", "cookies", "head=/bytes/7", "/bytes/7"],
    ["trailers", "turns=one", "turns=two,three,four", "turns=one", "early"],
    ["/broken/2", "/reset/7", "/reset/11", "never", "/codes", "/bytes/3"], ["many=300"], ["/goaway"],
    ["/destroy"], ["/bytes/1", "cut", "/bytes/2"],
  ])
  func clientsHearTheSame(_ steps: [String]) throws {
    try withServer { port, server in
      let native = Self.text(HTTP2Programs.client(port, steps))
      let directory = ProxyHarness.Directory()
      let recording = try ProxyHarness.record(upstream: port, into: directory, isHTTP2: true)
      let recorded = Self.text(HTTP2Programs.client(recording.port, steps))
      let told = recording.told(after: 1)
      recording.stop()
      #expect(told.failures.isEmpty)
      #expect(told.ended == 1)
      // What a server had said when it broke off comes or does not, natively too; after GOAWAY Node's client may wait for its own end.
      if steps == ["/destroy"] {
        #expect(recorded.contains("closed\n"))
      } else if steps == ["/goaway"] {
        #expect(recorded.hasPrefix("goaway 0\n"))
        #expect(Self.kept(Self.lasting(recorded)) == Self.kept(Self.lasting(native)))
      } else {
        #expect(Self.lasting(recorded) == Self.lasting(native), "\(steps)")
      }
      _ = server.end()
      let replay = try ProxyHarness.replay(from: directory, isHTTP2: true)
      let replayed = Self.text(HTTP2Programs.client(replay.port, steps))
      #expect(replay.told(after: 1).misses == [])
      replay.stop()
      #expect(Self.kept(replayed) == Self.kept(recorded), "\(steps)")
    }
  }

  @Test func streamsAreKeptAsRequests() throws {
    try withServer { port, _ in
      let directory = ProxyHarness.Directory()
      let secret = try #require(HTTPHeaderField(name: "X-Secret", value: "s3cret"))
      let proxy = try ProxyHarness.record(upstream: port, into: directory, injecting: [secret], isHTTP2: true)
      let said = Self.text(
        HTTP2Programs.client(proxy.port, ["cookies", "trailers", "/injected/?token=t", "/reset/11"]))
      #expect(said.contains("s3cret") && said.contains("c=3; d=4"), "\(said)")
      let told = proxy.told(after: 1)
      proxy.stop()
      #expect(told.exchanges.map(\.status) == [201, 200, 200, 0])
      #expect(told.exchanges.map(\.isComplete) == [true, true, true, false])
      let request = try #require(directory.text("1/request")).components("\n")
      #expect(Array(request.prefix(2)) == ["POST /upload HTTP/2", "host: example.org:\(proxy.port)"])
      #expect(request.filter { $0.hasPrefix("cookie: digest:") }.count == 2, "\(request)")
      #expect(directory.text("1/request-body") == "x")
      #expect(directory.text("2/response")?.hasPrefix("HTTP/2 200\n") == true)
      #expect(directory.text("2/response")?.hasSuffix("\n\ngrpc-status: 0\ngrpc-message: fine\n") == true)
      #expect(directory.text("3/request")?.hasPrefix("GET /injected/?token=digest:") == true)
      #expect(directory.text("3/request")?.contains("secret") == false)
      #expect(directory.text("3/response-body") == "s3cret")
      #expect(directory.text("4/response") == nil)
      #expect(directory.text("4/meta")?.contains("state\taborted\nreset\t11\n") == true)
    }
  }

  /// An answer answers whatever version its request comes by.
  @Test(arguments: [(true, false), (false, true)]) func versionsAnswerForEachOther(_ isHTTP2: Bool, then other: Bool)
    throws
  {
    func ask(_ port: Int, _ isHTTP2: Bool, _ path: String, _ options: [String] = []) -> String {
      let curl = [
        "curl", "-sS", "-i", "--max-time", "20", isHTTP2 ? "--http2-prior-knowledge" : "--http1.1", "--resolve",
        "example.org:\(port):127.0.0.1", "http://example.org:\(port)\(path)",
      ]
      return Self.text(Program(curl + options)).components("\r\n").filter {
        !["connection:", "keep-alive:", "transfer-encoding:"].contains($0.lowercased().components(" ")[0])
      }.dropFirst().joined(separator: "\n").lowercased()
    }
    let requests: [(String, [String])] = [
      ("/bytes/70000", []), ("/upload", ["-d", "body"]), ("/trailers", ["-d", "message"]), ("/bytes/9", ["-I"]),
      ("/empty", []),
    ]
    let script = isHTTP2 ? HTTP2Programs.server : HTTP2Programs.olderServer
    let server = Program(["node", "-e", script])
    let port = try #require(Int(server.line()))
    let directory = ProxyHarness.Directory()
    let recording = try ProxyHarness.record(upstream: port, into: directory, isHTTP2: isHTTP2)
    let recorded = requests.map { ask(recording.port, isHTTP2, $0, $1) }
    _ = recording.told(after: requests.count)
    recording.stop()
    _ = server.end()
    for version in [isHTTP2, other] {
      let replay = try ProxyHarness.replay(from: directory, isHTTP2: version)
      let replayed = requests.map { ask(replay.port, version, $0, $1) }
      #expect(replay.told(after: requests.count).misses == [])
      replay.stop()
      #expect(recorded[0].hasSuffix("abcdefghij") && recorded[2].contains("grpc-status: 0"), "\(recorded[2])")
      #expect(replayed == recorded)
    }
  }

  @Test func manyStreamsOnOneConnection() throws {
    try withServer { port, server in
      let directory = ProxyHarness.Directory()
      func load(_ port: Int) -> String {
        Self.text(
          Program(["h2load", "-n", "1000", "-m", "100", "-c", "1", "-t", "1", "http://127.0.0.1:\(port)/bytes/100"]))
      }
      let recording = try ProxyHarness.record("127.0.0.1", upstream: port, into: directory, isHTTP2: true)
      #expect(load(recording.port).contains("1000 succeeded, 0 failed"))
      #expect(recording.told(after: 1).exchanges.count == 1000)
      recording.stop()
      _ = server.end()
      let replay = try ProxyHarness.replay("127.0.0.1", from: directory, isHTTP2: true)
      #expect(load(replay.port).contains("1000 succeeded, 0 failed"))
      #expect(replay.told(after: 1).misses == [])
      replay.stop()
    }
  }

  @Test func whatWasNotRecordedIsNamed() throws {
    try withServer { port, server in
      let directory = ProxyHarness.Directory()
      let recording = try ProxyHarness.record(upstream: port, into: directory, isHTTP2: true)
      _ = Self.text(HTTP2Programs.client(recording.port, ["turns=one,two", "/bytes/1"]))
      _ = recording.told(after: 1)
      recording.stop()
      _ = server.end()
      let replay = try ProxyHarness.replay(from: directory, isHTTP2: true)
      let said = Self.text(
        HTTP2Programs.client(replay.port, ["turns=one,other", "/bytes/2", "head=/bytes/3", "/bytes/1"]))
      let told = replay.told(after: 1)
      replay.stop()
      #expect(
        told.misses == [
          "POST http://example.org:80 /turns has no recorded answer: what it says is another than what was recorded",
          "GET http://example.org:80 /bytes/2 has no recorded answer: it was never recorded",
          "HEAD http://example.org:80 /bytes/3 has no recorded answer: it was never recorded",
        ])
      #expect(said.contains("uwrx: GET http://example.org:80 /bytes/2 has no recorded answer"), "\(said)")
      #expect(said.contains("<one>") && !said.contains("<other>"), "\(said)")
      #expect(said.contains("/bytes/1 {"), "\(said)")
    }
  }
}
