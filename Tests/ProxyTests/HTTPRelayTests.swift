import Network
import Testing

@testable import Proxy

struct HTTPRelayTests {
  /// What the guest and the server got of one connection, on which the guest sends bytes and the server answers each request with the next
  /// of some answers.
  private func relay(
    _ request: String, _ answers: [String], domain: String = "example.org", injecting: [HTTPHeaderField] = [],
    in directory: ProxyHarness.Directory = .init(), closesOutput: Bool = false, endsAfter: Bool = true
  ) throws -> (guest: String, end: RawSocket.End, told: ProxyHarness.Told) {
    let server = RawServer { socket in
      for answer in answers {
        guard socket.receive(through: "\r\n\r\n").hasSuffix("\r\n\r\n") else { break }
        socket.send(answer)
      }
      if !endsAfter { _ = socket.receiveAll() }
    }
    defer { server.stop() }
    let proxy = try ProxyHarness.record(domain, upstream: server.port, into: directory, injecting: injecting)
    defer { proxy.stop() }
    let guest = RawSocket(port: proxy.port)
    guest.send(request)
    if closesOutput { guest.closeOutput() }
    let text = guest.receiveAll()
    let end = guest.end
    guest.closeOutput()
    return (text, end, proxy.told(after: 1))
  }

  @Test func oneExchangePassesUnchangedAndIsRecorded() throws {
    let directory = ProxyHarness.Directory()
    let answer = "HTTP/1.1 200 Fine, thanks\r\nX-oDd:  spaced \r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    let result = try relay(
      "GET /a?token=t HTTP/1.1\r\nhOST: EXAMPLE.org:80\r\nCookie: c\r\n\r\n", [answer], in: directory)
    #expect(result.guest == answer)
    #expect(result.end == .ended)
    let told = try #require(result.told.exchanges.first)
    #expect(told.method == "GET" && told.status == 200 && told.responseBytes == 2 && told.isComplete)
    #expect(told.target.hasPrefix("/a?token=digest:"))
    let digest = KeyedDigest(key: [1])
    #expect(
      directory.text("1/request")
        == "GET /a?token=digest:\(digest.hexadecimal("t".utf8)) HTTP/1.1\nhOST: EXAMPLE.org:80\nCookie: digest:\(digest.hexadecimal("c".utf8))\n"
    )
    #expect(
      directory.text("1/response")
        == "HTTP/1.1 200 Fine, thanks\nX-oDd:  spaced \nContent-Length: 2\nConnection: close\n")
    #expect(directory.text("1/response-body") == "ok")
    #expect(directory.text("1/request-body") == nil)
    let meta = try #require(directory.records().first?.meta)
    #expect(meta.state == .complete && meta.process == 7 && meta.connection == 1 && meta.port == 80)
    #expect(meta.started <= meta.ended && meta.requestDigest == SHA256().hexadecimal)
  }

  /// Somebody else has made what would be written: the disk may as well be full. After 101 the relay of bytes is told.
  @Test(arguments: [
    (
      "", "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + String(repeating: "x", count: 20_000), "2.response-body",
      ["1", "2.response-body"]
    ),
    (
      "Connection: Upgrade\r\nUpgrade: bytes\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n\r\n", ".2.stream",
      [".2.stream", "1", "2"]
    ),
  ])
  func whatCannotBeRecordedIsToldAndEndsTheConnection(
    fields: String, last: String, file: String, names: [String]
  ) throws {
    let directory = ProxyHarness.Directory()
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    let server = RawServer { socket in
      guard socket.receive(through: "\r\n\r\n").hasSuffix("\r\n\r\n") else { return }
      socket.send(answer)
      guard socket.receive(through: "\r\n\r\n").hasSuffix("\r\n\r\n") else { return }
      socket.send(last)
      _ = socket.receiveAll()
    }
    defer { server.stop() }
    let proxy = try ProxyHarness.record(upstream: server.port, into: directory)
    defer { proxy.stop() }
    let guest = RawSocket(port: proxy.port)
    guest.send("GET / HTTP/1.1\r\n\(Self.host)\r\n")
    #expect(guest.receive(exactly: answer.utf8.count) == answer)
    _ = try DirectoryHandle("\(directory.path)/example.org/requests").createFile(file)
    guest.send("GET / HTTP/1.1\r\n\(Self.host)\(fields)\r\n")
    _ = guest.receiveAll()
    #expect(guest.end == .reset)
    #expect(proxy.told(after: 1).failures == [.fileExists])
    #expect(directory.names() == names)
  }

  private static let host = "Host: example.org\r\n"

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: other.org\r\n\r\n", 421),
    ("GET / HTTP/1.1\r\nHost: example.org\r\nHost: example.org\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: example.org:80x\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a@example.org\r\n\r\n", 400),
    ("GET http://other.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n", 421),
    ("GET http://example.org/ HTTP/1.1\r\nHost: other.org\r\n\r\n", 421),
    ("GET http://a@example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n", 400),
    ("GET file:///etc HTTP/1.1\r\nHost: example.org\r\n\r\n", 400),
    ("GET a HTTP/1.1\r\nHost: example.org\r\n\r\n", 400),
    ("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n", 403),
    ("TRACE / HTTP/1.1\r\nHost: example.org\r\n\r\n", 405), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 421),
    (
      "POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\n",
      400
    ),
    ("GET / HTTP/1.1\r\nHost: example.org\r\nX: a\r\n b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: example.org\r\nX: " + String(repeating: "x", count: 70_000) + "\r\n\r\n", 431),
  ])
  func whatMayNotPassIsAnsweredHere(_ request: (String, Int)) throws {
    let directory = ProxyHarness.Directory()
    let secret = try #require(HTTPHeaderField(name: "X-Secret", value: "v"))
    let result = try relay(request.0, ["HTTP/1.1 200 OK\r\n\r\n"], injecting: [secret], in: directory, endsAfter: false)
    #expect(result.guest.hasPrefix("HTTP/1.1 \(request.1) "))
    #expect(result.guest.contains("\r\nConnection: close\r\n"))
    #expect(result.end == .ended)
    #expect(directory.names().isEmpty)
  }

  @Test(arguments: [
    ("example.org", "GET http://Example.Org:80/ HTTP/1.1\r\nHost: example.org.\r\n\r\n"),
    ("example.org", "OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n"), ("example.org", "GET / HTTP/1.0\r\n\r\n"),
    ("192.0.2.1", "GET / HTTP/1.1\r\nHost: any.thing\r\n\r\n"),
    ("2001:db8::1", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n"),
    ("192.0.2.1", "GET http://any.thing/ HTTP/1.1\r\nHost: any.thing\r\n\r\n"),
  ])
  func theDomainItselfPasses(_ domain: String, _ request: String) throws {
    let answer = "HTTP/1.0 200 OK\r\n\r\nto the end"
    let result = try relay(request, [answer], domain: domain)
    #expect(result.guest == answer)
    #expect(result.told.exchanges.map(\.isComplete) == [true])
  }

  @Test func pipelinedRequestsAreAnsweredAndRecordedInOrder() throws {
    let directory = ProxyHarness.Directory()
    let count = 200
    let request = (0..<count).map { "GET /\($0) HTTP/1.1\r\nHost: example.org\r\n\r\n" }.joined()
    let answers = (0..<count).map { "HTTP/1.1 200 OK\r\nContent-Length: \("\($0)".count)\r\n\r\n\($0)" }
    let result = try relay(request, answers, in: directory)
    #expect(result.guest == answers.joined())
    #expect(result.told.exchanges.map(\.target) == (0..<count).map { "/\($0)" })
    for number in 0..<count { #expect(directory.text("\(number + 1)/response-body") == "\(number)") }
  }

  @Test func aRefusalComesAfterTheAnswersBefore() throws {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    let result = try relay(
      "GET /a HTTP/1.1\r\nHost: example.org\r\n\r\nGET /b HTTP/1.1\r\nHost: other.org\r\n\r\nGET /c HTTP/1.1\r\nHost: example.org\r\n\r\n",
      [answer, answer, answer])
    #expect(result.guest.hasPrefix(answer + "HTTP/1.1 421 "))
    #expect(result.told.exchanges.map(\.status) == [421, 200] || result.told.exchanges.map(\.status) == [200, 421])
  }

  @Test func aBadChunkEndsAllAndIsAborted() throws {
    let directory = ProxyHarness.Directory()
    let result = try relay(
      "POST /a HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabX", [], in: directory,
      endsAfter: false)
    #expect(result.guest.hasPrefix("HTTP/1.1 400 "))
    #expect(directory.text("1/meta")?.contains("state\taborted\n") == true)
    #expect(directory.text("1/request-body") == "ab")
  }

  @Test func fieldsAreAddedUpstreamAlone() throws {
    let directory = ProxyHarness.Directory()
    let server = RawServer { socket in
      let head = socket.receive(through: "\r\n\r\n")
      socket.send("HTTP/1.0 200 OK\r\n\r\n\(head)")
    }
    defer { server.stop() }
    let secret = try #require(HTTPHeaderField(name: "Authorization", value: "Bearer s"))
    let proxy = try ProxyHarness.record(upstream: server.port, into: directory, injecting: [secret])
    defer { proxy.stop() }
    let guest = RawSocket(port: proxy.port)
    guest.send("GET / HTTP/1.1\r\nHost: example.org\r\nauthorization: guess\r\nX: y\r\n\r\n")
    let seen = guest.receiveAll().components("\r\n\r\n").dropFirst().joined()
    #expect(seen == "GET / HTTP/1.1\r\nHost: example.org\r\nX: y\r\nAuthorization: Bearer s")
    guest.closeOutput()
    _ = proxy.told(after: 1)
    #expect(directory.text("1/request")?.contains("authorization: digest:") == true)
    #expect(directory.text("1/request")?.contains("Bearer") == false)
    #expect(HTTPHeaderField(name: "X", value: "a\r\nB: c") == nil)
  }

  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", RawSocket.End.reset),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", .reset),
    ("HTTP/1.1 200 OK\r\nContent-", .reset), ("", .ended),
  ])
  func anAnswerThatBreaksOffIsAReset(_ answer: (String, RawSocket.End)) throws {
    let directory = ProxyHarness.Directory()
    let result = try relay("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", [answer.0], in: directory)
    #expect(result.end == answer.1)
    #expect(result.told.exchanges.map(\.isComplete) == [false])
    #expect(directory.text("1/meta")?.contains("state\taborted\n") == true)
  }

  @Test(arguments: [
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "nonsense\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n", "HTTP/2 200\r\n\r\n",
  ])
  func anAnswerThatIsNoneIsABadGateway(_ answer: String) throws {
    let result = try relay("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", [answer], endsAfter: false)
    #expect(result.guest.hasPrefix("HTTP/1.1 502 "))
    #expect(result.told.exchanges.map(\.isComplete) == [false])
  }

  @Test func anAnswerBeforeTheEndOfARequestArrives() throws {
    let answer = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
    let directory = ProxyHarness.Directory()
    let server = RawServer { socket in
      _ = socket.receive(through: "\r\n\r\n")
      socket.send(answer)
      socket.setReset()
    }
    defer { server.stop() }
    let proxy = try ProxyHarness.record(upstream: server.port, into: directory)
    defer { proxy.stop() }
    let guest = RawSocket(port: proxy.port)
    guest.send("PUT /a HTTP/1.1\r\nHost: example.org\r\nContent-Length: 10\r\n\r\nhalf")
    #expect(guest.receiveAll() == answer)
    #expect(guest.end == .ended)
    guest.send("more")
    guest.closeOutput()
    #expect(proxy.told(after: 1).exchanges.map(\.status) == [413])
    #expect(directory.text("1/meta")?.contains("state\tcomplete\n") == true)
  }

  @Test func trailersAndInterimAnswersPass() throws {
    let directory = ProxyHarness.Directory()
    let answer =
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
      + "3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 4\r\nSet-Cookie: a\r\n\r\n"
    let result = try relay("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", [answer], in: directory)
    #expect(result.guest == answer)
    #expect(directory.text("1/response-body") == "abcd")
    let response = try #require(directory.text("1/response"))
    #expect(response.hasPrefix("HTTP/1.1 200 OK\n"))
    #expect(response.contains("\n\nX-Sum: 4\nSet-Cookie: digest:"))
  }

  @Test func aBodyWaitsForContinue() throws {
    let directory = ProxyHarness.Directory()
    let server = RawServer { socket in
      _ = socket.receive(through: "\r\n\r\n")
      socket.send("HTTP/1.1 100 Continue\r\n\r\n")
      let body = socket.receive(exactly: 4)
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\(body)")
    }
    defer { server.stop() }
    let proxy = try ProxyHarness.record(upstream: server.port, into: directory)
    defer { proxy.stop() }
    let guest = RawSocket(port: proxy.port)
    guest.send("PUT / HTTP/1.1\r\nHost: example.org\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    #expect(guest.receive(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
    guest.send("body")
    #expect(guest.receiveAll().hasSuffix("\r\n\r\nbody"))
    guest.closeOutput()
    _ = proxy.told(after: 1)
    #expect(directory.text("1/request-body") == "body")
    #expect(directory.text("1/response")?.hasPrefix("HTTP/1.1 200 OK\n") == true)
  }

  @Test(arguments: ["", "early", "GET / HTTP/1.1\r\nHost: other.org\r\n\r\n"])
  func afterAnUpgradeBytesAreBytes(early: String) throws {
    let directory = ProxyHarness.Directory()
    let server = RawServer { socket in
      _ = socket.receive(through: "\r\n\r\n")
      socket.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\u{1}hi")
      while socket.end == .open { socket.send(socket.receive()) }
    }
    defer { server.stop() }
    let proxy = try ProxyHarness.record(upstream: server.port, into: directory)
    defer { proxy.stop() }
    let guest = RawSocket(port: proxy.port)
    guest.send("GET /ws HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + early)
    _ = guest.receive(through: "\r\n\r\n")
    #expect(guest.receive(exactly: 3) == "\u{1}hi")
    guest.send("\0not http\n\n")
    #expect(guest.receive(exactly: early.utf8.count + 11) == early + "\0not http\n\n")
    guest.closeOutput()
    #expect(guest.receiveAll() == "")
    #expect(guest.end == .ended)
    #expect(proxy.told(after: 1).exchanges.map(\.status) == [101])
  }

  @Test func ofSeveralUpgradesTheOthersArePassedOn() throws {
    let answer = "HTTP/1.1 101 Fine\r\nUpgrade: websocket\r\n\r\n"
    let server = RawServer { socket in socket.send(answer + socket.receive(through: "\r\n\r\n")) }
    defer { server.stop() }
    let directory = ProxyHarness.Directory()
    let proxy = try ProxyHarness.record(upstream: server.port, into: directory)
    defer { proxy.stop() }
    let guest = RawSocket(port: proxy.port)
    guest.send("GET / HTTP/1.1\r\nHost: example.org\r\nUpgrade: h2c, WebSocket\r\nConnection: Upgrade\r\n\r\n")
    guest.closeOutput()
    #expect(
      guest.receiveAll()
        == answer
        + "GET / HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    #expect(proxy.told(after: 1).exchanges.map(\.status) == [101])
  }

  @Test func anOfferOfHTTP2IsNotPassedOn() throws {
    let server = RawServer { socket in socket.send("HTTP/1.0 200 OK\r\n\r\n" + socket.receive(through: "\r\n\r\n")) }
    defer { server.stop() }
    let directory = ProxyHarness.Directory()
    let proxy = try ProxyHarness.record(upstream: server.port, into: directory)
    defer { proxy.stop() }
    let guest = RawSocket(port: proxy.port)
    guest.send(
      "GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nHost: example.org\r\nHTTP2-Settings: AAE\r\nUpgrade: h2c\r\n\r\n"
    )
    #expect(
      guest.receiveAll()
        == "HTTP/1.0 200 OK\r\n\r\nGET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nHost: example.org\r\n\r\n")
    guest.closeOutput()
    #expect(proxy.told(after: 1).exchanges.count == 1)
    #expect(directory.text("1/request")?.contains("Upgrade: h2c\n") == true)
  }
}

extension String {
  func components(_ separator: String) -> [String] {
    split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }
}
