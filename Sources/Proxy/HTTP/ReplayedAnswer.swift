import NIOCore
import SystemPackage
import Tracing

/// A recorded answer that is being given, part by part.
final class ReplayedAnswer {
  private enum State {
    case head, body, end
  }

  private static let partSize = 1 << 16

  private let response: ExchangeReader.Response
  private let head: [UInt8]
  private var state = State.head
  private var rest: Int
  private(set) var summary: HTTPExchange
  /// The recorded answer broke off here.
  let isBroken: Bool
  /// The connection ends after it.
  let isLast: Bool
  /// Whether HTTP ends with it on the connection, and what follows, unless it was CONNECT that was answered.
  let isUpgrade: Bool
  let stream: StreamReader?
  let isWebSocket: Bool

  /// - Parameter accept: what stands in a WebSocket's answer for this request, where that is not what was recorded.
  init(
    _ response: ExchangeReader.Response, _ state: ExchangeMeta.State, _ summary: HTTPExchange, keepsAlive: Bool,
    knowsInterim: Bool, accept: [UInt8]? = nil
  ) {
    self.response = response
    let final =
      accept.map { response.head.wire(replacing: WebSocketHandshake.acceptField, with: $0) } ?? response.head.wire
    // RFC 9110, 15.2: not to a client of HTTP/1.0.
    head = (knowsInterim ? response.interim.flatMap(\.wire) : []) + final
    isUpgrade = response.length == .upgraded
    stream = response.stream
    isWebSocket = WebSocketHandshake.isDone(by: response.head.head)
    self.summary = summary
    self.summary.status = response.head.head.status
    rest = response.size
    isBroken = state == .aborted
    isLast = !keepsAlive || !response.head.head.keepsAlive || response.length == .untilEnd
  }

  /// - Returns: the next bytes; nil after the last.
  func next() throws(Errno) -> ByteBuffer? {
    switch state {
    case .head:
      state = .body
      return ByteBuffer(bytes: head)
    case .body:
      // No more than it had when it was measured, whatever the file is by now.
      let part = try response.body?.read(min(rest, Self.partSize)) ?? []
      if part.isEmpty, rest > 0 { throw .ioError }
      rest -= part.count
      summary.responseBytes += UInt64(part.count)
      guard !part.isEmpty else {
        state = .end
        guard response.length == .chunked, !isBroken else { return nil }
        return ByteBuffer(bytes: Array("0\r\n".utf8) + response.head.wireTrailers + [0x0d, 0x0a])
      }
      guard response.length == .chunked else { return ByteBuffer(bytes: part) }
      return ByteBuffer(bytes: Array("\(String(part.count, radix: 16))\r\n".utf8) + part + [0x0d, 0x0a])
    case .end: return nil
    }
  }
}
