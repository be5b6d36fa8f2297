import NIOCore
import NIOHTTP1
import Skipping

/// What comes of a request, for the thread that waits for it: of HTTP/1.1's connection, or of a stream of HTTP/2.
///
/// No more is read than is asked for, but for `mostHeld` bytes.
final class ResponseReceiver: ChannelInboundHandler, Sendable {
  typealias InboundIn = HTTPClientResponsePart

  private struct State {
    var parts: [HTTPClientResponsePart] = []
    var held = 0
    var isPaused = false
    var failure: String?
  }

  private let state = Monitor(State())
  private static let mostHeld = 1 << 20

  func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { context.read() }
  }

  func channelActive(context: ChannelHandlerContext) {
    context.fireChannelActive()
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    state.withLock { state in
      state.parts.append(part)
      // Heads and trailers are bounded by the parser; that there are few of them is, by this.
      if case .body(let bytes) = part { state.held += bytes.readableBytes } else { state.held += 1 << 10 }
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    let reads = state.withLock { state in
      state.isPaused = state.held >= Self.mostHeld
      return !state.isPaused
    }
    if reads { context.read() }
    context.fireChannelReadComplete()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(CacheFailure(error).reason)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail("the connection has ended")
    context.fireChannelInactive()
  }

  private func fail(_ reason: String) {
    state.withLock { $0.failure = $0.failure ?? reason }
  }

  // MARK: For the thread that waits

  /// Whether nothing has come that nobody has asked for, and more can.
  var isIdle: Bool { state.withLock { $0.parts.isEmpty && $0.failure == nil } }

  /// Whether something has come already.
  var hasPart: Bool { state.withLock { !$0.parts.isEmpty } }

  /// The next part of what came.
  func next(of channel: any Channel, until deadline: Int64) throws(CacheFailure) -> HTTPClientResponsePart {
    let found = state.wait(until: deadline) {
      state -> (part: HTTPClientResponsePart?, failure: String?, resumes: Bool)? in
      if state.parts.isEmpty { return state.failure.map { (nil, $0, false) } }
      let part = state.parts.removeFirst()
      if case .body(let bytes) = part { state.held -= bytes.readableBytes } else { state.held -= 1 << 10 }
      let resumes = state.isPaused && state.held < Self.mostHeld
      if resumes { state.isPaused = false }
      return (part, nil, resumes)
    }
    guard let found else { throw CacheFailure("it does not answer in time") }
    if found.resumes { channel.eventLoop.execute { channel.read() } }
    guard let part = found.part else { throw CacheFailure(found.failure ?? "") }
    return part
  }
}
