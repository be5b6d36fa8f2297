import NIOCore

/// Keeps what comes on a channel until its handlers are there, and is gone then.
///
/// A channel that does not read by itself does so all the same when its other end has closed: NIO reads to the end then, and what nobody takes is
/// dropped.
final class HeldInput: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  private enum Event {
    case read(NIOAny)
    case readComplete
    case user(Any)
    case error(any Error)
    case inactive
  }

  private var held: [Event]? = []
  private var context: ChannelHandlerContext?

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  /// Lets all go on. On the channel's event loop.
  static func release(_ channel: any Channel) {
    (try? channel.pipeline.syncOperations.handler(type: HeldInput.self))?.release()
  }

  private func release() {
    // What comes while this goes on comes after it.
    while let events = held, let context {
      held = events.isEmpty ? nil : []
      for event in events { fire(event, context) }
    }
    held = nil
    if let context { context.pipeline.syncOperations.removeHandler(context: context, promise: nil) }
  }

  private func fire(_ event: Event, _ context: ChannelHandlerContext) {
    switch event {
    case .read(let data): context.fireChannelRead(data)
    case .readComplete: context.fireChannelReadComplete()
    case .user(let event): context.fireUserInboundEventTriggered(event)
    case .error(let error): context.fireErrorCaught(error)
    case .inactive: context.fireChannelInactive()
    }
  }

  private func take(_ event: Event, _ context: ChannelHandlerContext) {
    if held == nil { fire(event, context) } else { held?.append(event) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { take(.read(data), context) }
  func channelReadComplete(context: ChannelHandlerContext) { take(.readComplete, context) }
  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { take(.user(event), context) }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { take(.error(error), context) }
  func channelInactive(context: ChannelHandlerContext) { take(.inactive, context) }
}
