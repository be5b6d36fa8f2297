import Dispatch
import Glibc
import NIOPosix
import RandomKit
import SystemPackage
import Testing

@testable import Proxy

/// What no client or server does, by hand.
struct HTTP2RelayTests {
  /// A server that answers each request with 200 when its head has come, and waits.
  static func answering(_ fields: [(String, String)] = [], _ body: String = "fine") -> RawServer {
    RawServer { socket in
      var server = RawHTTP2(socket)
      while let frame = server.next() {
        guard frame.type == RawHTTP2.Frame.headers, frame.flags & 1 == 1 else { continue }
        server.send(RawHTTP2.Frame.headers, 4, frame.stream, RawHTTP2.fields([(":status", "200")] + fields))
        let parts = Array(body.utf8).chunks(of: 16_384)
        for (place, part) in parts.enumerated() {
          server.send(RawHTTP2.Frame.data, place == parts.count - 1 ? 1 : 0, frame.stream, Array(part))
        }
      }
    }
  }

  private func withProxy(
    _ server: RawServer, _ body: (ProxyHarness, ProxyHarness.Directory) throws -> Void
  ) throws {
    defer { server.stop() }
    let directory = ProxyHarness.Directory()
    let proxy = try ProxyHarness.record(upstream: server.port, into: directory, isHTTP2: true)
    defer { proxy.stop() }
    try body(proxy, directory)
  }

  private func text(_ frames: [RawHTTP2.Frame]) -> String {
    String(decoding: frames.filter { $0.type == RawHTTP2.Frame.data }.flatMap(\.payload), as: UTF8.self)
  }

  /// That the connection goes on.
  private func expectAnAnswer(_ client: inout RawHTTP2, on stream: UInt32) {
    client.send(RawHTTP2.Frame.headers, 5, stream, RawHTTP2.request())
    #expect(text(client.answer(on: stream)) == "fine")
  }

  @Test(arguments: [
    (RawHTTP2.request(authority: "other.org"), "the request is for other.org"),
    (RawHTTP2.request(authority: nil, adding: [("host", "other.org")]), "the request is for other.org"),
    (RawHTTP2.request(adding: [("host", "other.org")]), "a Host that is another"),
    (RawHTTP2.request(authority: nil), "the request has no :authority"),
    (
      RawHTTP2.request(authority: nil, adding: [("host", "example.org"), ("host", "example.org")]), "more than one Host"
    ),
    (RawHTTP2.request(authority: "me@example.org"), "neither a name nor an address"),
    (RawHTTP2.request("nothing"), "is no path"), (RawHTTP2.request("*"), "is no path"),
    (RawHTTP2.request("http://example.org/"), "is no path"),
    (RawHTTP2.request(scheme: "ftp"), "none of http and https"),
    (RawHTTP2.request(adding: [("x", "a\u{fffd}")]), "no text"),
    (RawHTTP2.fields([(":method", "CONNECT"), (":authority", "example.org:443")]), "CONNECT is refused"),
  ])
  func whatIsNotForTheConnectionIsRefusedAndTheConnectionGoesOn(_ block: [UInt8], _ reason: String) throws {
    try withProxy(Self.answering()) { proxy, directory in
      var client = RawHTTP2(port: proxy.port)
      for (place, part) in block.chunks(of: 16_384).enumerated() {
        let isLast = (place + 1) * 16_384 >= block.count
        client.send(
          place == 0 ? RawHTTP2.Frame.headers : RawHTTP2.Frame.continuation, (place == 0 ? 1 : 0) | (isLast ? 4 : 0), 1,
          part)
      }
      let answer = text(client.answer(on: 1))
      #expect(answer.hasPrefix("uwrx: ") && answer.contains(reason), "\(answer)")
      expectAnAnswer(&client, on: 3)
      client.socket.closeOutput()
      #expect(proxy.told(after: 1).exchanges.last?.status == 200)
      #expect(directory.names() == ["1"])
    }
  }

  @Test(arguments: [
    [("X", "y")], [("connection", "close")], [("transfer-encoding", "chunked")], [("te", "gzip")], [(":path", "/")],
    [("x", "y"), (":scheme", "http")], [("x", "a\nb: c")], [("x", "a\rb")], [("x", "a\0")], [("content-length", "1")],
    [("content-length", "x")], [(":protocol", "websocket")], [(":other", "y")], [("a b", "c")],
  ])
  func whatIsMalformedEndsItsStreamAlone(_ fields: [(String, String)]) throws {
    try withProxy(Self.answering()) { proxy, directory in
      var client = RawHTTP2(port: proxy.port)
      client.send(RawHTTP2.Frame.headers, 5, 1, RawHTTP2.request(adding: fields))
      #expect(client.answer(on: 1).map(\.code) == [1])
      expectAnAnswer(&client, on: 3)
      client.socket.closeOutput()
      _ = proxy.told(after: 1)
      #expect(directory.names() == ["1"])
    }
  }

  static let floods: [(String, [UInt8])] = {
    typealias Frame = RawHTTP2.Frame
    let request = RawHTTP2.request()
    func times(_ count: Int, _ frame: (UInt32) -> [UInt8]) -> [UInt8] { (0..<count).flatMap { frame(UInt32($0)) } }
    let open = RawHTTP2.frame(Frame.headers, 4, 1, request)
    // An entry of the table, and references to it (RFC 7541, 6.1).
    let bomb = [0x40] + RawHTTP2.string(Array("x".utf8)) + RawHTTP2.string([UInt8](repeating: 0x61, count: 3900))
    return [
      ("pings", times(6000) { _ in RawHTTP2.frame(Frame.ping, 0, 0, [UInt8](repeating: 0, count: 8)) }),
      ("settings", times(6000) { _ in RawHTTP2.frame(Frame.settings) }),
      (
        "resets",
        times(1100) {
          RawHTTP2.frame(Frame.headers, 5, 2 * $0 + 1, request)
            + RawHTTP2.frame(Frame.reset, 0, 2 * $0 + 1, [0, 0, 0, 8])
        }
      ),
      (
        "continuations",
        RawHTTP2.frame(Frame.headers, 1, 1, request) + times(100) { _ in RawHTTP2.frame(Frame.continuation, 0, 1) }
      ), ("empty data", open + times(100) { _ in RawHTTP2.frame(Frame.data, 0, 1) }),
      ("fields", RawHTTP2.frame(Frame.headers, 5, 1, request + bomb + [UInt8](repeating: 0x80 | 62, count: 8000))),
      ("streams", times(1100) { RawHTTP2.frame(Frame.headers, 4, 2 * $0 + 1, request) }),
      ("a window", open + RawHTTP2.frame(Frame.windowUpdate, 0, 0, [0x7f, 0xff, 0xff, 0xff])),
      ("no stream", RawHTTP2.frame(Frame.data, 1, 1, [1])), ("a length", [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]),
      ("a pushed stream", RawHTTP2.frame(Frame.headers, 5, 2, request)),
      ("no preface", Array("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n".utf8)),
    ]
  }()

  @Test(arguments: floods.map(\.0)) func whatBreaksTheProtocolEndsTheConnection(_ name: String) throws {
    try withProxy(Self.answering()) { proxy, _ in
      var client = RawHTTP2(port: proxy.port)
      client.socket.send(Self.floods.first { $0.0 == name }!.1)
      var last: RawHTTP2.Frame?
      while let frame = client.next() { last = frame }
      // What was unread makes a reset of the end; then the last words may be lost.
      #expect(last?.type == RawHTTP2.Frame.goAway || client.socket.end == .reset || name == "streams", "\(name)")
      #expect(client.socket.end == .ended || client.socket.end == .reset)
      var other = RawHTTP2(port: proxy.port)
      expectAnAnswer(&other, on: 1)
    }
  }

  @Test func nothingThatIsSentEndsTheProxy() throws {
    try withProxy(Self.answering()) { proxy, _ in
      var random = SeededGenerator(seed: 9)
      for _ in 0..<150 {
        let client = RawHTTP2(port: proxy.port)
        for _ in 0..<Int.random(in: 1...20, using: &random) {
          let type = UInt8.random(in: 0...10, using: &random)
          let payload = Bool.random(using: &random) ? RawHTTP2.request() : random.bytes(0...40)
          client.send(type, random.bytes(1...1)[0], UInt32.random(in: 0...9, using: &random), payload)
        }
        client.socket.setReset()
      }
      var client = RawHTTP2(port: proxy.port)
      expectAnAnswer(&client, on: 1)
    }
  }

  /// What upstream sends after a request, and what the guest hears: text, or the code of RST_STREAM or GOAWAY.
  static let answers: [(String, [UInt8], String)] = {
    typealias Frame = RawHTTP2.Frame
    func head(_ fields: [(String, String)], _ flags: UInt8 = 4) -> [UInt8] {
      RawHTTP2.frame(Frame.headers, flags, 1, RawHTTP2.fields(fields))
    }
    return [
      ("101", head([(":status", "101")]), "uwrx: the answer"),
      ("no text", head([(":status", "200"), ("x", "\u{fffd}")]), "uwrx: the answer"),
      ("a reset", RawHTTP2.frame(Frame.reset, 0, 1, [0, 0, 0, 11]), "11"),
      ("no status", head([("x", "y")]), "1"),
      (
        "a length", head([(":status", "200"), ("content-length", "1")]) + RawHTTP2.frame(Frame.data, 1, 1, [1, 2]), "1"
      ),
      ("goaway", RawHTTP2.frame(Frame.goAway, 0, 0, [0, 0, 0, 0, 0, 0, 0, 2]), "2"),
      ("a push", RawHTTP2.frame(5, 4, 1, [0, 0, 0, 2] + RawHTTP2.request()), "end"),
      ("nonsense", Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), "end"),
      ("the end", [], "end"),
    ]
  }()

  @Test(arguments: answers.map(\.0)) func whatUpstreamSaysWrongIsItsEnd(_ name: String) throws {
    let (_, bytes, expected) = Self.answers.first { $0.0 == name }!
    let server = RawServer { socket in
      var server = RawHTTP2(socket)
      while let frame = server.next(), frame.type != RawHTTP2.Frame.headers {}
      socket.send(bytes)
      socket.closeOutput()
      while server.next() != nil {}
    }
    try withProxy(server) { proxy, directory in
      var client = RawHTTP2(port: proxy.port)
      client.send(RawHTTP2.Frame.headers, 5, 1, RawHTTP2.request())
      let frames = client.answer(on: 1)
      if let code = UInt8(expected) {
        #expect(frames.last?.code == code, "\(name) \(frames)")
      } else {
        #expect(expected == "end" ? text(frames) == "" : text(frames).hasPrefix(expected), "\(name) \(frames)")
      }
      client.socket.closeOutput()
      let told = proxy.told(after: 1)
      #expect(told.exchanges.map(\.isComplete) == [false])
      #expect(directory.text("1/meta")?.contains("state\taborted\n") == true)
    }
  }

  @Test func noMoreStreamsAreOpenedThanTheUpstreamTakes() throws {
    let most = Counter()
    let server = RawServer { socket in
      var server = RawHTTP2(socket)
      server.send(RawHTTP2.Frame.settings, 0, 0, [0, 3, 0, 0, 0, 2])
      var open: [UInt32] = []
      while true {
        // All that comes before something is answered.
        while let frame = server.next(within: open.isEmpty ? 20_000 : 50) {
          if frame.type == RawHTTP2.Frame.headers { open.append(frame.stream) }
        }
        if open.isEmpty { return }
        while most.count < open.count { _ = most.next() }
        let stream = open.removeFirst()
        server.send(RawHTTP2.Frame.headers, 5, stream, RawHTTP2.fields([(":status", "204")]))
      }
    }
    try withProxy(server) { proxy, _ in
      var client = RawHTTP2(port: proxy.port)
      // The proxy has heard of the limit when the first is answered.
      client.send(RawHTTP2.Frame.headers, 5, 1, RawHTTP2.request())
      #expect(client.answer(on: 1).count == 1)
      for stream in 1..<10 { client.send(RawHTTP2.Frame.headers, 5, UInt32(2 * stream + 1), RawHTTP2.request()) }
      #expect(client.answer(on: 19).count == 1)
      client.socket.closeOutput()
      #expect(proxy.told(after: 1).exchanges.count == 10)
      #expect(most.count == 2)
    }
  }

  /// Somebody else has made what would be written.
  @Test func whatCannotBeRecordedEndsTheConnection() throws {
    let body = String(repeating: "x", count: 20_000)
    try withProxy(Self.answering([], body)) { proxy, directory in
      var client = RawHTTP2(port: proxy.port)
      client.send(RawHTTP2.Frame.headers, 5, 1, RawHTTP2.request())
      #expect(text(client.answer(on: 1)) == body)
      _ = try DirectoryHandle("\(directory.path)/example.org/requests").createFile("2.response-body")
      client.send(RawHTTP2.Frame.headers, 5, 3, RawHTTP2.request())
      while client.next() != nil {}
      #expect(client.socket.end == .reset)
      let told = proxy.told(after: 1)
      #expect(told.failures == [.fileExists] && told.exchanges.count == 1)
      #expect(directory.names() == ["1", "1.response-body", "2.response-body"])
    }
  }

  /// A proxy in front of Node's server, whose disk takes nothing until it is let.
  private func withSlowDisk(_ body: (ProxyHarness, ProxyHarness.Directory, DispatchSemaphore) throws -> Void) throws {
    let program = Program(["node", "-e", HTTP2Programs.server])
    let directory = ProxyHarness.Directory()
    let disk = DispatchSemaphore(value: 0)
    let threads = NIOThreadPool(numberOfThreads: 1)
    threads.start()
    threads.submit { _ in disk.wait() }
    let proxy = try ProxyHarness.record(
      upstream: try #require(Int(program.line())), into: directory, isHTTP2: true, threads: threads)
    defer {
      disk.signal()
      proxy.stop()
      try? threads.syncShutdownGracefully()
    }
    try body(proxy, directory, disk)
  }

  private static let size = 24 << 20
  /// What may wait for the disk, be in windows, and come in one go.
  private static let mostWaiting = 8 << 20

  @Test func aSlowDiskHoldsTheServer() throws {
    try withSlowDisk { proxy, directory, disk in
      var client = RawHTTP2(port: proxy.port, settings: [0, 4] + RawHTTP2.number(1 << 30))
      client.send(RawHTTP2.Frame.windowUpdate, 0, 0, RawHTTP2.number(1 << 30))
      client.send(RawHTTP2.Frame.headers, 5, 1, RawHTTP2.request("/bytes/\(Self.size)"))
      var received = 0
      while let frame = client.next(within: received == 0 ? 20_000 : 500) {
        if frame.type == RawHTTP2.Frame.data { received += frame.payload.count }
      }
      #expect(received > 0 && received < Self.mostWaiting)
      disk.signal()
      while received < Self.size, let frame = client.next() { received += frame.payload.count }
      #expect(received == Self.size)
      client.socket.closeOutput()
      #expect(proxy.told(after: 1).exchanges.map(\.responseBytes) == [UInt64(Self.size)])
      #expect(directory.size("1.response-body") == Self.size)
    }
  }

  @Test func aSlowDiskHoldsTheGuest() throws {
    try withSlowDisk { proxy, directory, disk in
      var client = RawHTTP2(port: proxy.port)
      client.send(RawHTTP2.Frame.headers, 4, 1, RawHTTP2.request("/upload", method: "POST"))
      var windows: [UInt32: Int] = [0: 65_535, 1: 65_535]
      var sent = 0
      func grow(within milliseconds: Int32) -> Bool {
        guard let frame = client.any(within: milliseconds) else { return false }
        if frame.type == RawHTTP2.Frame.windowUpdate { windows[frame.stream, default: 0] += frame.increment }
        if frame.type == RawHTTP2.Frame.settings, frame.payload.starts(with: [0, 4]) {
          client.send(RawHTTP2.Frame.settings, 1)
          windows[1]! += frame.payload[2..<6].reduce(0) { $0 << 8 | Int($1) } - 65_535
        }
        return true
      }
      func upload(within milliseconds: Int32) {
        while sent < Self.size {
          let count = min(16_384, Self.size - sent, windows[0]!, windows[1]!)
          if count > 0 {
            sent += count
            for stream: UInt32 in [0, 1] { windows[stream]! -= count }
            client.send(RawHTTP2.Frame.data, sent == Self.size ? 1 : 0, 1, [UInt8](repeating: 0x61, count: count))
          } else if !grow(within: milliseconds) {
            return
          }
        }
      }
      upload(within: 500)
      #expect(sent > 0 && sent < Self.mostWaiting)
      disk.signal()
      upload(within: 20_000)
      #expect(sent == Self.size)
      #expect(text(client.answer(on: 1)).hasPrefix("\(Self.size) "))
      client.socket.closeOutput()
      #expect(proxy.told(after: 1).exchanges.map(\.requestBytes) == [UInt64(Self.size)])
      #expect(directory.size("1.request-body") == Self.size)
    }
  }

  @Test func whoDoesNotReadHoldsTheServer() throws {
    let size = 20_000_000
    let program = Program(["node", "-e", HTTP2Programs.server])
    let directory = ProxyHarness.Directory()
    let proxy = try ProxyHarness.record(upstream: try #require(Int(program.line())), into: directory, isHTTP2: true)
    defer { proxy.stop() }
    var client = RawHTTP2(port: proxy.port)
    client.send(RawHTTP2.Frame.headers, 5, 1, RawHTTP2.request("/bytes/\(size)"))
    var received = 0
    while received < 65_535, let frame = client.next() {
      if frame.type == RawHTTP2.Frame.data { received += frame.payload.count }
    }
    #expect(received == 65_535)
    // The guest's window and the proxy's own; what is recorded has come.
    usleep(200_000)
    #expect(directory.size("1.response-body") <= 65_535 + 1 << 20)
    for stream: UInt32 in [0, 1] { client.send(RawHTTP2.Frame.windowUpdate, 0, stream, RawHTTP2.number(1 << 30)) }
    while received < size, let frame = client.next() {
      if frame.type == RawHTTP2.Frame.data { received += frame.payload.count }
    }
    #expect(received == size)
    client.socket.closeOutput()
    #expect(proxy.told(after: 1).exchanges.map(\.responseBytes) == [UInt64(size)])
  }
}

extension Array {
  fileprivate func chunks(of size: Int) -> [[Element]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
  }
}
