import Glibc
import Synchronization
import Testing

@testable import Proxy

struct HTTPStreamingTests {
  private static let block = (0..<(1 << 16)).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) }

  /// Receives a body of blocks, and says whether it is right.
  private static func receive(_ blocks: Int, from socket: RawSocket) -> Bool {
    var place = 0
    while place < blocks * block.count, socket.end == .open {
      let bytes = socket.receive(1 << 18)
      var rest = bytes[...]
      while !rest.isEmpty {
        let offset = place % block.count
        let part = rest.prefix(block.count - offset)
        let isEqual = part.withUnsafeBytes { part in
          block.withUnsafeBytes { memcmp(part.baseAddress!, $0.baseAddress! + offset, part.count) == 0 }
        }
        guard isEqual else { return false }
        place += part.count
        rest = rest.dropFirst(part.count)
      }
    }
    return place == blocks * block.count
  }

  /// Sends blocks; tells when nobody takes them for a moment.
  private static func send(_ blocks: Int, to socket: RawSocket, blocked: () -> Void) {
    var limit = timeval(tv_sec: 0, tv_usec: 300_000)
    setsockopt(socket.descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    for _ in 0..<blocks {
      var rest = block[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes {
          Glibc.send(socket.descriptor, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count < 0, errno == EAGAIN { blocked() } else if count < 0 { return }
        rest = rest.dropFirst(max(0, count))
      }
    }
  }

  /// 64 MiB. Who does not read stops the one who sends, whatever is recorded.
  @Test(arguments: [true, false])
  func whoDoesNotReadStopsWhoSends(isDownload: Bool) throws {
    let blocks = 1024
    let size = blocks * Self.block.count
    let directory = ProxyHarness.Directory()
    let gate = Gate()
    let server = RawServer { socket in
      _ = socket.receive(through: "\r\n\r\n")
      if isDownload {
        socket.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
        Self.send(blocks, to: socket) { gate.open(true) }
        gate.open(false)
        _ = socket.receiveAll()
      } else {
        gate.wait()
        let isRight = Self.receive(blocks, from: socket)
        socket.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n\(isRight ? 1 : 0)")
      }
    }
    defer { server.stop() }
    let proxy = try ProxyHarness.record(upstream: server.port, into: directory)
    defer { proxy.stop() }
    let guest = RawSocket(port: proxy.port)
    if isDownload {
      guest.send("GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n")
      gate.wait()
      _ = guest.receive(through: "\r\n\r\n")
      #expect(Self.receive(blocks, from: guest))
    } else {
      guest.send("PUT /a HTTP/1.1\r\nHost: example.org\r\nContent-Length: \(size)\r\n\r\n")
      Self.send(blocks, to: guest) { gate.open(true) }
      gate.open(false)
      #expect(guest.receiveAll().hasSuffix("\r\n\r\n1"))
    }
    #expect(gate.wasBlocked)
    guest.closeOutput()
    let told = proxy.told(after: 1)
    #expect(told.exchanges.map { $0.responseBytes + $0.requestBytes } == [UInt64(size) + (isDownload ? 0 : 1)])
    guard isDownload else { return }
    let replay = try ProxyHarness.replay(from: directory)
    defer { replay.stop() }
    let again = RawSocket(port: replay.port)
    again.send("GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n")
    _ = again.receive(through: "\r\n\r\n")
    #expect(Self.receive(blocks, from: again))
    again.closeOutput()
    #expect(replay.told(after: 1).exchanges.map(\.responseBytes) == [UInt64(size)])
  }

  /// A guest that goes in the middle is no upstream's failure; what came is recorded as what it is.
  @Test(arguments: [true, false])
  func aGuestThatLeavesLeavesAnAbortedExchange(withReset: Bool) throws {
    let directory = ProxyHarness.Directory()
    let server = RawServer { socket in
      _ = socket.receive(through: "\r\n\r\n")
      socket.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
      _ = socket.receiveAll()
    }
    defer { server.stop() }
    let proxy = try ProxyHarness.record(upstream: server.port, into: directory)
    defer { proxy.stop() }
    do {
      let guest = RawSocket(port: proxy.port)
      guest.send("GET /a HTTP/1.1\r\nHost: example.org\r\n\r\n")
      _ = guest.receive(through: "half")
      if withReset { guest.setReset() }
    }
    #expect(proxy.told(after: 1).exchanges.map(\.isComplete) == [false])
    #expect(directory.text("1/response-body") == "half")
    #expect(directory.names() == ["1"])
  }

  /// Opened once, with the first word of whether the sender was blocked.
  private final class Gate: Sendable {
    private let state = Mutex<Bool?>(nil)

    func open(_ blocked: Bool) { state.withLock { $0 = $0 ?? blocked } }

    func wait() { while state.withLock({ $0 == nil }) { usleep(2000) } }

    var wasBlocked: Bool { state.withLock { $0 == true } }
  }
}
