import NIOCore
import Network

/// Asks a proxy for a connection to a host (RFC 9110, 9.3.6), and goes when it is there. On a channel that does not read by itself.
final class UpstreamTunnel: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Why there is none.
  enum Failure: Error {
    /// The proxy's answer was another one.
    case answered(status: Int, line: String)
    case ended
    case noAnswer
  }

  private let request: [UInt8]
  private let promise: EventLoopPromise<Void>
  private var reader = HTTPMessageReader(.response)
  private var bytes = ByteBuffer()
  private var timer: Scheduled<Void>?
  private var isOver = false

  private static let patience = TimeAmount.seconds(120)

  private init(_ request: [UInt8], _ promise: EventLoopPromise<Void>) {
    self.request = request
    self.promise = promise
  }

  /// - Parameter channel: connected to the proxy, on its event loop; its input is held.
  static func open(_ channel: any Channel, _ proxy: UpstreamProxy, to domain: Domain, port: UInt16) -> EventLoopFuture<
    Void
  > {
    let place = "\(domain.bracketed):\(port)"
    let fields = proxy.authorization.map { "\($0.name): \($0.value)\r\n" } ?? ""
    let promise = channel.eventLoop.makePromise(of: Void.self)
    let tunnel = UpstreamTunnel(
      Array("CONNECT \(place) HTTP/1.1\r\nHost: \(place)\r\n\(fields)\r\n".utf8), promise)
    do {
      let held = try channel.pipeline.syncOperations.handler(type: HeldInput.self)
      try channel.pipeline.syncOperations.addHandler(tunnel, position: .before(held))
    } catch { promise.fail(error) }
    return promise.futureResult
  }

  func handlerAdded(context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: request)), promise: nil)
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { [self] in
      fail(context, Failure.noAnswer)
    }
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isOver else { return context.fireChannelRead(data) }
    bytes.writeImmutableBuffer(unwrapInboundIn(data))
    do throws(HTTPFailure) {
      while let part = try reader.next(from: &bytes, answering: Array("CONNECT".utf8)[...]) {
        guard case .head(let head, let length) = part else { continue }
        if length == .upgraded, head.status != 101 { return open(context) }
        // What comes before the answer, 100 or 103, counts for nothing.
        guard (100..<200).contains(head.status), head.status != 101 else {
          let line = head.bytes[head.startLine].prefix { $0 != 0x0d && $0 != 0x0a }.drop { $0 != 0x20 }.dropFirst()
          return fail(
            context, Failure.answered(status: head.status, line: String(decoding: line.prefix(80), as: UTF8.self)))
        }
      }
    } catch { fail(context, error) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if isOver { context.fireChannelReadComplete() } else { context.read() }
  }

  private func open(_ context: ChannelHandlerContext) {
    isOver = true
    timer?.cancel()
    // A server that speaks first may have done so.
    if bytes.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(bytes)) }
    bytes = ByteBuffer()
    promise.succeed(())
    context.pipeline.syncOperations.removeHandler(self, promise: nil)
  }

  private func fail(_ context: ChannelHandlerContext, _ error: any Error) {
    guard !isOver else { return }
    isOver = true
    timer?.cancel()
    promise.fail(error)
    context.close(promise: nil)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event { fail(context, Failure.ended) }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(context, error)
    context.fireErrorCaught(error)
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(context, Failure.ended)
    context.fireChannelInactive()
  }
}
