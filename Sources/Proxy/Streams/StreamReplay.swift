import NIOCore

/// Plays the upstream's part of a kept stream to a guest that must say what it said then. On the channel's event loop.
final class StreamReplay: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let reader: StreamReader
  /// Told why the guest's part is another.
  private let missed: (String) -> Void
  /// Told how many bytes the guest has sent, and got.
  private let ended: (UInt64, UInt64) -> Void
  private var said: ByteBuffer
  /// Where that is WebSocket: of what the guest says, and of what it is given.
  private var frames: (said: WebSocketFrames, given: WebSocketFrames)?
  private var hasGuestEnded: Bool
  private var counts: (UInt64, UInt64) = (0, 0)
  private var isOver = false
  /// The upstream has said its last: what the guest says now has no answer, and may be anything. At the end of a conversation it is chance how much of that comes.
  private var isAnswered = false

  private static let portion = 1 << 16

  /// - Parameter isWebSocket: what was kept is what ``WebSocketFrames`` leaves.
  static func start(
    _ reader: StreamReader, guest: any Channel, after said: ByteBuffer, hasEnded: Bool, isWebSocket: Bool = false,
    missed: @escaping (String) -> Void, ended: @escaping (UInt64, UInt64) -> Void
  ) throws {
    let replay = StreamReplay(reader, hasEnded, missed, ended)
    if isWebSocket { replay.frames = (WebSocketFrames(of: .client), WebSocketFrames(of: .server)) }
    replay.take(said)
    try guest.pipeline.syncOperations.addHandler(replay)
    guest.setOption(.autoRead, value: true).whenFailure { _ in }
  }

  private init(
    _ reader: StreamReader, _ hasEnded: Bool, _ missed: @escaping (String) -> Void,
    _ ended: @escaping (UInt64, UInt64) -> Void
  ) {
    self.reader = reader
    said = ByteBuffer()
    hasGuestEnded = hasEnded
    self.missed = missed
    self.ended = ended
  }

  func handlerAdded(context: ChannelHandlerContext) { play(context) }

  private func take(_ bytes: ByteBuffer) {
    counts.0 += UInt64(bytes.readableBytes)
    let kept = frames?.said.kept(bytes) ?? bytes
    if !isAnswered { said.writeImmutableBuffer(kept) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    take(unwrapInboundIn(data))
    play(context)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event {
      hasGuestEnded = true
      play(context)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { play(context) }
    context.fireChannelWritabilityChanged()
  }

  /// A guest that sends what is not yet its turn is not read further than a portion.
  func read(context: ChannelHandlerContext) {
    if said.readableBytes < Self.portion { context.read() }
  }

  private func play(_ context: ChannelHandlerContext) {
    defer { if said.readableBytes < Self.portion, !isOver { context.read() } }
    while !isOver {
      answerPings(context)
      switch reader.piece {
      case .sent where isAnswered: _ = reader.bytes(Self.portion)
      case .sent:
        guard let next = said.readBytes(length: min(said.readableBytes, Self.portion)), !next.isEmpty else {
          if hasGuestEnded { fail(context, "it ended before it had said all that it said then") }
          return context.flush()
        }
        var rest = next[...]
        while !rest.isEmpty, reader.piece == .sent {
          let wanted = reader.bytes(rest.count)
          guard rest.starts(with: wanted) else { return fail(context, "it says something else than it said then") }
          rest = rest.dropFirst(wanted.count)
        }
        if !rest.isEmpty {
          var back = ByteBuffer(bytes: rest)
          back.writeBuffer(&said)
          said = back
        }
      case .received:
        guard context.channel.isWritable else { return context.flush() }
        let bytes = reader.bytes(Self.portion)
        counts.1 += UInt64(bytes.count)
        let buffer = ByteBuffer(bytes: bytes)
        _ = frames?.given.kept(buffer)
        context.write(wrapOutboundOut(buffer), promise: nil)
      case .guestEnded where isAnswered: reader.next()
      case .guestEnded:
        guard hasGuestEnded, said.readableBytes == 0 else {
          if said.readableBytes > 0 { fail(context, "it says more than it said then") }
          return context.flush()
        }
        reader.next()
      case .upstreamEnded:
        reader.next()
        (isAnswered, said) = (true, ByteBuffer())
        context.flush()
        context.close(mode: .output, promise: nil)
      // The guest ends it so again by itself.
      case .guestReset: reader.next()
      case .upstreamReset:
        isOver = true
        context.flush()
        context.channel.reset()
      case nil:
        if reader.isDamaged { return fail(context, "what was kept of it is damaged") }
        isOver = true
        context.flush()
        // Both have ended, or the guest ends.
        if hasGuestEnded { context.close(promise: nil) }
      }
    }
  }

  /// Between two frames that it is given.
  private func answerPings(_ context: ChannelHandlerContext) {
    guard frames?.said.pings.isEmpty == false, frames?.given.isBetweenFrames == true, !isAnswered,
      let pongs = frames?.said.takePongs()
    else { return }
    context.write(wrapOutboundOut(pongs), promise: nil)
  }

  private func fail(_ context: ChannelHandlerContext, _ reason: String) {
    guard !isOver else { return }
    isOver = true
    missed(reason)
    context.channel.reset()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    isOver = true
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    isOver = true
    ended(counts.0, counts.1)
    context.fireChannelInactive()
  }
}
