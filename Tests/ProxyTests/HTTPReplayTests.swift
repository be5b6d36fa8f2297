import Testing

@testable import Proxy

struct HTTPReplayTests {
  /// Sends requests to a server that gives answers in order, by way of a recording proxy; then the same to a replay.
  private func replay(
    _ requests: [String], _ answers: [String], then again: [String]? = nil, process: UInt32 = 7
  ) throws -> (recorded: [String], replayed: [String], told: ProxyHarness.Told) {
    let directory = ProxyHarness.Directory()
    try record(requests, answers, into: directory)
    let proxy = try ProxyHarness.replay(from: directory, process: process)
    defer { proxy.stop() }
    let replayed = (again ?? requests).map { ask($0, at: proxy.port) }
    return (try recorded(directory, requests.count), replayed, proxy.told(after: replayed.count))
  }

  private func recorded(_ directory: ProxyHarness.Directory, _ count: Int) throws -> [String] {
    (1...count).map { directory.text("\($0)/response-body") ?? "" }
  }

  /// One connection for each.
  private func record(
    _ requests: [String], _ answers: [String], into directory: ProxyHarness.Directory, process: UInt32 = 7
  ) throws {
    let place = Counter()
    let server = RawServer { socket in
      _ = socket.receive(through: "\r\n\r\n")
      socket.send(answers[place.next() % answers.count])
    }
    defer { server.stop() }
    let proxy = try ProxyHarness.record(upstream: server.port, into: directory, process: process)
    defer { proxy.stop() }
    for request in requests { _ = ask(request, at: proxy.port) }
    _ = proxy.told(after: requests.count)
  }

  private func ask(_ request: String, at port: Int) -> String {
    let guest = RawSocket(port: port)
    guest.send(request)
    guest.closeOutput()
    return guest.receiveAll() + (guest.end == .reset ? "[reset]" : "")
  }

  private static let host = " HTTP/1.1\r\nHost: example.org\r\n"

  @Test(arguments: [
    "HTTP/1.1 200 Fine\r\nX-oDd:  a \r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
    "HTTP/1.0 200 OK\r\n\r\nto the end", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
    "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  ])
  func theSameBytesComeAgain(_ answer: String) throws {
    let result = try replay(["GET /a" + Self.host + "\r\n"], [answer])
    #expect(result.replayed == [answer])
    #expect(result.told.exchanges.map(\.isComplete) == [true])
    #expect(result.told.misses.isEmpty)
  }

  @Test func anAnswerThatBrokeOffBreaksOffAgain() throws {
    let result = try replay(["GET /a" + Self.host + "\r\n"], ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
    #expect(result.replayed[0].hasSuffix("[reset]"))
    #expect(result.told.exchanges.map(\.isComplete) == [false])
  }

  private static func ok(_ text: String) -> String {
    "HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
  }

  @Test func equalRequestsGetTheirAnswersInOrderAndNoMore() throws {
    let request = "GET /a" + Self.host + "\r\n"
    let result = try replay([request, request], [Self.ok("1"), Self.ok("2")], then: [request, request, request])
    #expect(result.replayed[0] == Self.ok("1"))
    #expect(result.replayed[1] == Self.ok("2"))
    #expect(result.replayed[2].hasPrefix("HTTP/1.1 502 "))
    #expect(result.told.misses.count == 1)
  }

  /// Who follows a proxy that has died in the middle of a replay, with what that had read before it began.
  @Test func whatAProxyHasGivenItsSuccessorDoesNotGiveAgain() throws {
    let directory = ProxyHarness.Directory()
    let request = "GET /a" + Self.host + "\r\n"
    for text in ["1", "2", "3"] { try record([request], [Self.ok(text)], into: directory) }
    let marks = SharedMarks(3)
    var said: [Int] = []
    for _ in 0..<4 {
      let index = try ExchangeIndex(directory.network, key: [1], given: marks)
      let head = try HTTPHead(parsing: Array(request.utf8), .request, allowsBareLineFeeds: false)
      let key = ExchangeKey(
        head, Array("/a".utf8), digest: SHA256().hexadecimal, Array("example.org".utf8), scheme: "http", port: 80)
      if case .found(let record, _) = index.find(key, for: 7) { said.append(record.number) }
    }
    #expect(said == [1, 2, 3])
  }

  @Test(arguments: [("GET", true), ("POST", false)])
  func whatWasAlwaysTheSameIsGivenAgain(_ method: String, _ repeats: Bool) throws {
    let request = "\(method) /a" + Self.host + "\r\n"
    let result = try replay([request, request], [Self.ok("1")], then: [request, request, request, request])
    #expect(result.replayed.map { $0 == Self.ok("1") } == [true, true, repeats, repeats])
  }

  @Test func aProcessGetsItsOwnAnswersFirst() throws {
    let directory = ProxyHarness.Directory()
    let request = "GET /a" + Self.host + "\r\n"
    try record([request], [Self.ok("of 1")], into: directory, process: 1)
    try record([request], [Self.ok("of 2")], into: directory, process: 2)
    let proxy = try ProxyHarness.replay(from: directory, process: 2)
    defer { proxy.stop() }
    #expect(ask(request, at: proxy.port) == Self.ok("of 2"))
    #expect(ask(request, at: proxy.port) == Self.ok("of 1"))
    _ = proxy.told(after: 2)
  }

  @Test(arguments: [
    ("GET /a", ""), ("GET /b", ""), ("HEAD /a", ""), ("GET /a", "Range: bytes=0-1\r\n"), ("GET /a", "Accept: b\r\n"),
    ("GET /a", "Accept-Encoding: gzip\r\n"), ("GET /a", "Git-Protocol: version=2\r\n"),
    ("GET /a", "Content-Length: 1\r\n"), ("GET /a", "Cookie: other\r\nX: y\r\n"), ("GET /a?token=x", ""),
  ])
  func aRequestThatWasNotRecordedIsNamed(_ line: String, _ fields: String) throws {
    let result = try replay(
      ["GET /a" + Self.host + "\r\n"], [Self.ok("a")],
      then: [line + Self.host + fields + "\r\n" + (fields.hasPrefix("Content-Length") ? "x" : "")])
    if line == "GET /a", fields.isEmpty || fields.hasPrefix("Cookie") {
      #expect(result.replayed == [Self.ok("a")])
      return
    }
    let method = line.components(" ")[0]
    #expect(result.replayed[0].hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
    let name = "\(method) http://example.org:80 " + line.components(" ")[1].components("=")[0]
    #expect(result.replayed[0].contains(name) == (method != "HEAD"))
    #expect(result.told.misses.count == 1 && result.told.misses[0].hasPrefix(name))
  }

  @Test func bodiesAreToldApartHoweverTheyAreSent() throws {
    let directory = ProxyHarness.Directory()
    let server = RawServer { socket in
      while socket.receive(through: "\r\n\r\n").hasSuffix("\r\n\r\n") {
        let body = socket.receive(exactly: 5)
        socket.send(Self.ok(String(body.reversed())))
      }
    }
    let recording = try ProxyHarness.record(upstream: server.port, into: directory)
    let bodies = ["first", "other", "third"]
    let requests = bodies.map { "POST /a\(Self.host)Content-Length: 5\r\n\r\n\($0)" }
    #expect(ask(requests.joined(), at: recording.port) == bodies.map { Self.ok(String($0.reversed())) }.joined())
    _ = recording.told(after: 1)
    recording.stop()
    server.stop()
    let proxy = try ProxyHarness.replay(from: directory)
    defer { proxy.stop() }
    let chunked = bodies.reversed().map {
      "POST /a\(Self.host)Transfer-Encoding: chunked\r\n\r\n2\r\n\($0.prefix(2))\r\n3\r\n\($0.dropFirst(2))\r\n0\r\n\r\n"
    }
    #expect(
      ask(chunked.joined(), at: proxy.port) == bodies.reversed().map { Self.ok(String($0.reversed())) }.joined())
    #expect(proxy.told(after: 1).misses.isEmpty)
  }

  @Test func aTokenOfARedirectionIsFoundAgain() throws {
    let redirection = "HTTP/1.1 302 Found\r\nLocation: /b?sig=s3cret\r\nContent-Length: 0\r\n\r\n"
    let directory = ProxyHarness.Directory()
    try record(
      ["GET /a" + Self.host + "\r\n", "GET /b?sig=s3cret" + Self.host + "\r\n"], [redirection, Self.ok("b")],
      into: directory)
    let proxy = try ProxyHarness.replay(from: directory)
    defer { proxy.stop() }
    let answer = ask("GET /a" + Self.host + "\r\n", at: proxy.port)
    let location = answer.components("Location: ")[1].components("\r\n")[0]
    #expect(!location.contains("s3cret"))
    #expect(ask("GET \(location)" + Self.host + "\r\n", at: proxy.port) == Self.ok("b"))
    #expect(ask("GET /b?sig=s3cret" + Self.host + "\r\n", at: proxy.port) == Self.ok("b"))
    _ = proxy.told(after: 3)
  }

  @Test(arguments: [
    ("response", "nonsense"), ("response", "HTTP/1.1 200 OK\nContent-Length: 1\n"),
    ("response", "HTTP/1.1 200 OK\nContent-Length: 1\nTransfer-Encoding: chunked\n"),
    ("response", "HTTP/1.1 200 OK\nContent-Length: 2\n\nX: y\n"), ("response-body", "longer"),
    ("meta", "state\tcomplete\n"),
    ("request", "GET /a\n"), ("response", String(repeating: "x", count: 2 << 20)),
  ])
  func aDamagedRecordIsNoAnswer(_ name: String, _ contents: String) throws {
    let directory = ProxyHarness.Directory()
    let request = "GET /a" + Self.host + "\r\n"
    try record([request], [Self.ok("ok")], into: directory)
    try directory.replace(name, of: 1, by: contents)
    let proxy = try ProxyHarness.replay(from: directory)
    defer { proxy.stop() }
    #expect(ask(request, at: proxy.port).hasPrefix("HTTP/1.1 502 "))
    #expect(proxy.told(after: 1).misses.count == 1)
  }

  @Test(arguments: [
    ("GET /a HTTP/1.1\r\nHost: other.org\r\n\r\n", 421), ("CONNECT a:1 HTTP/1.1\r\nHost: example.org\r\n\r\n", 403),
    ("GET /a HTTP/1.1\r\nHost: example.org\r\nX: a\r\n b\r\n\r\n", 400),
  ])
  func whatWouldNotHavePassedDoesNot(_ request: (String, Int)) throws {
    let result = try replay(["GET /a" + Self.host + "\r\n"], [Self.ok("a")], then: [request.0])
    #expect(result.replayed[0].hasPrefix("HTTP/1.1 \(request.1) "))
  }
}
