import NIOCore
import NIOHTTP2
import Tracing

/// A request that is on its way, and its answer.
final class RelayedExchange {
  let method: ArraySlice<UInt8>
  /// Whether its answer may be the end of HTTP on the connection.
  let asksForUpgrade: Bool
  /// Where a CONNECT leads.
  let tunnel: HTTPTunnel.Target?
  private let writer: ExchangeWriter
  private(set) var summary: HTTPExchange
  private(set) var hasRequestEnded = false
  private(set) var hasResponseBegun = false
  private(set) var hasResponseEnded = false

  init(_ head: HTTPHead, _ summary: HTTPExchange, _ tunnel: HTTPTunnel.Target?, _ writer: ExchangeWriter) {
    self.tunnel = tunnel
    method = head.method
    asksForUpgrade = tunnel != nil || !Self.upgrades(head).isEmpty
    self.summary = summary
    self.writer = writer
  }

  /// What a request's connection may go over to, in lower case; never HTTP/2 (RFC 7540, 3.2, which RFC 9113 has taken back): Java's client asks for it
  /// each time.
  static func upgrades(_ head: HTTPHead) -> [[UInt8]] {
    head.members(of: "upgrade").filter { !$0.elementsEqual("h2c".utf8) }
  }

  static func asksForHTTP2(_ head: HTTPHead) -> Bool { head.members(of: "upgrade").contains(Array("h2c".utf8)) }

  func add(toRequest bytes: ByteBuffer) {
    summary.requestBytes += UInt64(bytes.readableBytes)
    writer.add(toRequest: bytes)
  }

  func endRequest(_ trailers: [UInt8]) {
    hasRequestEnded = true
    writer.add(trailers: trailers, toResponse: false)
  }

  /// An answer of status 1xx, after which another comes.
  func inform(_ head: HTTPHead) { writer.inform(head) }

  func respond(_ head: HTTPHead) {
    hasResponseBegun = true
    summary.status = head.status
    writer.respond(head)
  }

  func add(toResponse bytes: ByteBuffer) {
    summary.responseBytes += UInt64(bytes.readableBytes)
    writer.add(toResponse: bytes)
  }

  func endResponse(_ trailers: [UInt8]) {
    hasResponseEnded = true
    writer.add(trailers: trailers, toResponse: true)
  }

  /// Part of the answer has come, of a request that may go on.
  func turn() {
    guard !hasRequestEnded else { return }
    writer.add(
      ExchangeTurn(
        said: Int(clamping: summary.requestBytes), given: Int(clamping: summary.responseBytes),
        isLast: hasResponseEnded))
  }

  /// Its stream of HTTP/2 was ended so.
  func reset(_ code: HTTP2ErrorCode) { writer.reset = UInt32(truncatingIfNeeded: code.networkCode) }

  func finish(_ state: ExchangeMeta.State) {
    summary.isComplete = state == .complete
    writer.finish(state)
  }

  /// What follows an answer with which the exchange has finished.
  func beginStream(isWebSocket: Bool) -> StreamRecorder {
    writer.beginStream(isWebSocket: isWebSocket)
  }
}
