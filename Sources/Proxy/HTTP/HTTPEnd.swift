import NIOCore

/// Who takes what comes at the ends of a connection.
protocol HTTPEndOwner: AnyObject {
  func received(_ bytes: ByteBuffer, at end: HTTPEnd)
  /// Nothing more comes at once.
  func readCompleted(at end: HTTPEnd)
  /// The other side sends nothing more.
  func inputEnded(at end: HTTPEnd)
  /// The connection was reset, or cannot go on.
  func failed(at end: HTTPEnd)
  func closed(_ end: HTTPEnd)
  func becameWritable(_ end: HTTPEnd)
  /// Whether there is room for more.
  func mayRead(at end: HTTPEnd) -> Bool
}

/// The last handler of a channel that carries HTTP: reads when its owner has room, and writes what the owner gives it.
final class HTTPEnd: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer

  let channel: any Channel
  private var context: ChannelHandlerContext?
  private var owner: (any HTTPEndOwner)?
  private var wantsToRead = false
  private(set) var isClosed = false
  /// Bytes that have come.
  private(set) var count: UInt64

  /// - Parameters:
  ///   - owner: held until the channel is closed.
  ///   - count: bytes that have come before.
  init(_ channel: any Channel, owner: any HTTPEndOwner, after count: Int = 0) {
    self.count = UInt64(count)
    self.channel = channel
    self.owner = owner
  }

  /// Somebody else has the channel: this lets all pass.
  func release() {
    owner = nil
    if wantsToRead { context?.read() }
    wantsToRead = false
  }

  /// Reads what has waited for room.
  func resume() {
    guard wantsToRead, !isClosed, owner?.mayRead(at: self) == true else { return }
    wantsToRead = false
    context?.read()
  }

  func write(_ bytes: ByteBuffer) { context?.write(NIOAny(bytes), promise: nil) }

  func write(_ bytes: [UInt8]) { write(ByteBuffer(bytes: bytes)) }

  func flush() { context?.flush() }

  /// Sends what was written, and then that nothing more comes.
  /// - Parameter closed: called when it is sent.
  func closeOutput(_ closed: (() -> Void)? = nil) {
    guard let context else { return }
    context.flush()
    guard let closed else { return context.close(mode: .output, promise: nil) }
    let promise = context.eventLoop.makePromise(of: Void.self)
    context.close(mode: .output, promise: promise)
    promise.futureResult.assumeIsolated().whenComplete { _ in closed() }
  }

  func close() { context?.close(promise: nil) }

  func reset() { if !isClosed { channel.reset() } }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    owner = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let owner else { return context.fireChannelRead(data) }
    let bytes = unwrapInboundIn(data)
    count += UInt64(bytes.readableBytes)
    owner.received(bytes, at: self)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    owner?.readCompleted(at: self)
    context.fireChannelReadComplete()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event { owner?.inputEnded(at: self) }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let owner else { return context.fireErrorCaught(error) }
    // What is written after the output was closed is lost, as it is to any program.
    if let error = error as? ChannelError, error == .outputClosed { return }
    owner.failed(at: self)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    isClosed = true
    owner?.closed(self)
    owner = nil
    context.fireChannelInactive()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if channel.isWritable { owner?.becameWritable(self) }
    context.fireChannelWritabilityChanged()
  }

  func read(context: ChannelHandlerContext) {
    if owner?.mayRead(at: self) ?? true { context.read() } else { wantsToRead = true }
  }
}
