import NIOCore

/// The first handler of a channel: what was written before a close goes out before it.
///
/// NIO drops it where the input has ended before the output is closed: it takes the two for a full closure. Natively the kernel still sends what
/// close(2) finds unsent.
final class PatientClose: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Asks for a close that does not wait.
  struct Abort: Sendable {}

  private var isAborting = false
  private var isClosing = false

  /// Who does not read is left after this.
  private static let patience = TimeAmount.seconds(60)

  func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
    guard event is Abort else { return context.triggerUserOutboundEvent(event, promise: promise) }
    isAborting = true
    promise?.succeed(())
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard !isAborting, mode != .input else { return context.close(mode: mode, promise: promise) }
    if mode == .all {
      if isClosing {
        context.channel.closeFuture.cascade(to: promise)
        return
      }
      isClosing = true
      let timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) {
        context.close(mode: .all, promise: nil)
      }
      context.channel.closeFuture.whenComplete { _ in timer.cancel() }
    }
    let written = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
    written.futureResult.assumeIsolated().whenComplete { _ in context.close(mode: mode, promise: promise) }
  }
}
