import NIOCore
import SystemPackage

/// One of two channels whose bytes go to each other as they come: as much is read as the other side takes, and each direction ends by itself.
final class ByteRelay: ChannelDuplexHandler, Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer

  private let state: NIOLoopBound<State>

  private final class State {
    var context: ChannelHandlerContext?
    var partner: State?
    var wantsToRead = false
    var count: UInt64 = 0
    /// Called once both are closed.
    var ended: ((UInt64, UInt64) -> Void)?
    var isClosed = false
    var hasEnded = false
    /// Where the conversation is kept.
    var recorder: StreamRecorder?
    var pieces: (bytes: StreamPiece, end: StreamPiece, reset: StreamPiece) = (.sent, .guestEnded, .guestReset)

    /// Whether the other side and the record have room.
    var mayRead: Bool {
      guard let other = partner?.context, other.channel.isWritable else { return false }
      return recorder?.queue.hasRoom ?? true
    }

    func resume() {
      guard wantsToRead, mayRead else { return }
      wantsToRead = false
      context?.read()
    }

    /// Nothing more comes of it.
    func end() {
      if !hasEnded { recorder?.add(pieces.end) }
      hasEnded = true
    }
  }

  private init(_ state: State, on loop: any EventLoop) { self.state = NIOLoopBound(state, eventLoop: loop) }

  /// - Parameters:
  ///   - loop: of both channels.
  ///   - ended: told how many bytes the first and the second have sent.
  private static func pair(on loop: any EventLoop, ended: @escaping (UInt64, UInt64) -> Void) -> (ByteRelay, ByteRelay)
  {
    let first = State()
    let second = State()
    first.partner = second
    second.partner = first
    first.ended = ended
    return (ByteRelay(first, on: loop), ByteRelay(second, on: loop))
  }

  /// Joins two channels that do not read by themselves yet, and do from now on.
  /// - Parameters:
  ///   - firstBytes, secondBytes: what the first and the second have sent before.
  ///   - firstEnded, secondEnded: whether that is all.
  ///   - recorder: keeps what goes over them, the first being the guest's.
  ///   - recordingFailed: told why it cannot; the connection is reset.
  /// - Throws: the pipelines' errors; then both channels are the caller's still.
  static func join(
    _ first: any Channel, _ second: any Channel, after firstBytes: ByteBuffer, _ secondBytes: ByteBuffer,
    firstEnded: Bool, secondEnded: Bool, recorder: StreamRecorder? = nil,
    recordingFailed: @escaping (Errno) -> Void = { _ in }, ended: @escaping (UInt64, UInt64) -> Void
  ) throws {
    let (one, other) = pair(on: first.eventLoop, ended: ended)
    try first.pipeline.syncOperations.addHandler(one)
    try second.pipeline.syncOperations.addHandler(other)
    for (relay, channel, bytes, isOver) in [
      (one, second, firstBytes, firstEnded), (other, first, secondBytes, secondEnded),
    ] {
      let state = relay.state.value
      state.recorder = recorder
      if relay === other { state.pieces = (.received, .upstreamEnded, .upstreamReset) }
      state.count = UInt64(bytes.readableBytes)
      if bytes.readableBytes > 0 {
        recorder?.add(state.pieces.bytes, bytes)
        channel.writeAndFlush(bytes, promise: nil)
      }
      if isOver {
        state.end()
        channel.close(mode: .output, promise: nil)
      }
    }
    let states = [one.state.value, other.state.value]
    recorder?.queue.tell(
      on: first.eventLoop, hasRoom: { for state in states { state.resume() } },
      // What cannot be recorded does not go on.
      failed: { error in
        recordingFailed(error)
        for state in states { state.context?.channel.reset() }
      })
    for channel in [first, second] { channel.setOption(.autoRead, value: true).whenFailure { _ in } }
  }

  func handlerAdded(context: ChannelHandlerContext) { state.value.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { state.value.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let state = state.value
    let bytes = unwrapInboundIn(data)
    state.count += UInt64(bytes.readableBytes)
    state.recorder?.add(state.pieces.bytes, bytes)
    state.partner?.context?.write(data, promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    state.value.partner?.context?.flush()
    context.fireChannelReadComplete()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event {
      let state = state.value
      state.end()
      state.partner?.context?.close(mode: .output, promise: nil)
    }
    context.fireUserInboundEventTriggered(event)
  }

  /// One end was reset, and so the other is.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let state = state.value
    state.recorder?.add(state.pieces.reset)
    state.hasEnded = true
    state.partner?.context?.channel.reset()
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    let own = state.value
    own.isClosed = true
    // Whose other direction was closed before goes at once.
    own.end()
    guard let partner = own.partner else { return }
    partner.context?.close(promise: nil)
    if partner.isClosed || partner.context == nil { end(own.ended == nil ? partner : own) }
    context.fireChannelInactive()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    let state = state.value
    if context.channel.isWritable { state.partner?.resume() }
    context.fireChannelWritabilityChanged()
  }

  func read(context: ChannelHandlerContext) {
    if state.value.mayRead { context.read() } else { state.value.wantsToRead = true }
  }

  /// - Parameter first: whose `ended` is to be called, once.
  private func end(_ first: State) {
    guard let ended = first.ended, let second = first.partner else { return }
    first.ended = nil
    first.recorder?.end()
    ended(first.count, second.count)
  }
}
