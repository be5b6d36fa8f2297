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

/// Is gone when its channel is taken over.
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

  func release() {
    owner = nil
    channel.pipeline.syncOperations.removeHandler(self, promise: nil)
  }

  /// What has come before this was there.
  func take(_ bytes: ByteBuffer) { owner?.received(bytes, at: self) }

  func takeEnd() { owner?.inputEnded(at: self) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let owner else { return context.fireChannelRead(data) }
    owner.received(unwrapInboundIn(data), at: self)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let owner else { return context.fireUserInboundEventTriggered(event) }
    if case ChannelEvent.inputClosed = event { owner.inputEnded(at: self) }
    if let event = event as? TLSEvent { owner.tlsChanged(event, at: self) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard owner != nil else { return context.fireErrorCaught(error) }
    isReset = true
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    guard let owner else { return context.fireChannelInactive() }
    self.owner = nil
    owner.closed(self, isReset: isReset)
  }
}
