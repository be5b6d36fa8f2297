import NIOCore
import TLS

/// What the last handler of a channel hears until it is known who takes the channel over. Called on the channel's event loop.
protocol ConversationOwner: AnyObject {
  func received(_ bytes: ByteBuffer, at end: ConversationEnd)
  /// The other side sends nothing more.
  func inputEnded(at end: ConversationEnd)
  func tlsChanged(_ event: TLSEvent, at end: ConversationEnd)
  /// The connection is over; `isReset` if its other side has said so.
  func closed(_ end: ConversationEnd, isReset: Bool)
}

final class ConversationEnd: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  let channel: any Channel
  private var owner: (any ConversationOwner)?
  private var isReset = false

  /// - Parameter owner: held until the channel is closed or taken over.
  init(_ channel: any Channel, owner: any ConversationOwner) {
    self.channel = channel
    self.owner = owner
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { owner?.received(unwrapInboundIn(data), at: self) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event { owner?.inputEnded(at: self) }
    if let event = event as? TLSEvent { owner?.tlsChanged(event, at: self) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    isReset = true
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    owner?.closed(self, isReset: isReset)
    owner = nil
  }

  func handlerRemoved(context: ChannelHandlerContext) { owner = nil }
}
