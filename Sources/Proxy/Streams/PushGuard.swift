import NIOCore

/// Sees to it that no push begins with what the guest says: stands before who relays, until it is known what it is.
///
/// The four digits go on at once, since who speaks otherwise may wait for an answer to them; what follows is held while it is the service's
/// name. A part of it is nothing to a server.
final class PushGuard: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  /// All that has come.
  private var seen: [UInt8]
  private var held = ByteBuffer()
  private let refused: () -> Void
  private var hasRefused = false

  /// - Parameters:
  ///   - bytes: what has come and gone on already.
  ///   - refused: called once, before the guest is answered.
  init(after bytes: [UInt8], refused: @escaping () -> Void) {
    seen = bytes
    self.refused = refused
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if hasRefused { return }
    var bytes = unwrapInboundIn(data)
    seen += bytes.readableBytesView.prefix(GitPush.digits + GitPush.service.count)
    held.writeBuffer(&bytes)
    switch GitPush.verdict(seen) {
    case .push:
      hasRefused = true
      refused()
      context.channel.end(after: ByteBuffer(bytes: GitPush.answer))
    case .other:
      release(context)
      context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    case .open: if seen.count <= GitPush.digits { release(context) }
    }
  }

  private func release(_ context: ChannelHandlerContext) {
    guard held.readableBytes > 0, !hasRefused else { return }
    let bytes = held
    held = ByteBuffer()
    context.fireChannelRead(wrapInboundOut(bytes))
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event {
      release(context)
      context.fireChannelReadComplete()
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    release(context)
    context.fireChannelInactive()
  }
}
