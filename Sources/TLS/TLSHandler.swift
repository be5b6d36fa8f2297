import NIOCore

/// TLS on a channel, as its server or its client: ciphertext towards the transport, plaintext (ByteBuffers) towards the next handler.
///
/// - The handshake begins when the channel becomes active, or when the handler is added to an active one. Its end is a `TLSEvent`. What is written before
///   waits for it, up to `maximumEarlyBytes`.
/// - `ChannelEvent.inputClosed` is fired for the peer's close_notify. `close(mode: .output)` sends close_notify after all that was flushed, and then closes the
///   transport's output; the peer's data still comes. When both are closed, the channel is. The handler turns the option `allowRemoteHalfClosure` on.
/// - Back pressure: with `autoRead` off, each `read()` gives what one read of the transport brought (at most `readBytes`), and the transport is read only
///   then. What NIO reads of its own accord when the peer has closed stays encrypted until it is asked for; the socket's receive buffer bounds it.
///   Each flush is encrypted and handed on as a whole, so the channel's writability counts all that was flushed.
/// - A failure is fatal: the alert is sent, `TLSEvent.failed` fired, and the channel closed.
public final class TLSHandler: ChannelDuplexHandler {
  public typealias InboundIn = ByteBuffer
  public typealias InboundOut = ByteBuffer
  public typealias OutboundIn = ByteBuffer
  public typealias OutboundOut = ByteBuffer

  /// How much may be written before the handshake is done; more is a failure.
  public static let maximumEarlyBytes = 1 << 20
  /// The most that one `read()` gives: what NIO reads of a socket in one go by default.
  static let readBytes = 256 << 10
  /// How large the buffers are that the next handler gets.
  private static let plaintextBytes = 64 << 10
  /// How much of a flush is one write.
  private static let writeBytes = 256 << 10
  /// How much that the peer made us send (key updates' answers) may wait for it to read.
  private static let maximumReplyBytes = 64 << 10

  private enum Phase { case idle, handshaking, established, ended }

  private let connection: TLSConnection
  private var phase = Phase.idle

  /// Whether the next handler's `read()` is unanswered.
  private var isAsked = false
  /// How much it got since the last `channelReadComplete`.
  private var delivered = 0
  /// Whether events are being fired that may call `read()`, which then only notes it.
  private var isDelivering = false
  /// Whether the transport has no more to give.
  private var transportEnded = false
  /// Whether the next handler was told of the input's end.
  private var inputEnded = false

  private var writes = RecordQueue()
  /// Whether nothing more is taken, and whether close_notify is with the transport.
  private var outputEnded = false
  private var outputSent = false
  /// The promise, if any, of a close of the output that waits for the handshake.
  private var outputClosing: EventLoopPromise<Void>??
  private var replyBytes = 0

  /// The server's side.
  ///
  /// - received: what was read from the connection before (`ClientHelloParser.received`).
  public static func server(context: TLSContext, received: ByteBuffer = ByteBuffer()) throws(TLSError) -> TLSHandler {
    precondition(context.role == .server)
    let connection = try TLSConnection(context: context)
    connection.receive(received)
    return TLSHandler(connection)
  }

  /// The client's side.
  ///
  /// - serverName: what the certificate must be for; a host's name (sent as SNI) or an IP address without brackets.
  /// - protocols: what ALPN offers, the best first; with none, there is no ALPN.
  /// - Throws: if a name is empty or too long.
  public static func client(context: TLSContext, serverName: String, protocols: [String]) throws(TLSError) -> TLSHandler
  {
    precondition(context.role == .client)
    let connection = try TLSConnection(context: context)
    try connection.expect(serverName: serverName, protocols: protocols)
    return TLSHandler(connection)
  }

  private init(_ connection: TLSConnection) {
    self.connection = connection
  }

  /// Whether the handshake resumed an earlier session.
  public var isResumed: Bool { connection.isResumed }

  /// What is held: ciphertext that was not asked for, and plaintext that waits for a flush or for the handshake.
  public var bufferedBytes: Int { connection.heldBytes + connection.outputBytes + writes.bytes }

  // MARK: Handshake

  public func handlerAdded(context: ChannelHandlerContext) {
    try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
    if context.channel.isActive { begin(context) }
  }

  public func channelActive(context: ChannelHandlerContext) {
    context.fireChannelActive()
    begin(context)
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard phase == .idle else { return }
    phase = .handshaking
    shakeHands(context)
  }

  private func shakeHands(_ context: ChannelHandlerContext) {
    switch connection.handshake() {
    case .done:
      phase = .established
      sendReplies(context)
      context.fireUserInboundEventTriggered(
        TLSEvent.established(protocol: connection.negotiatedProtocol, version: connection.version))
      sendFlushed(context)
      if let promise = outputClosing {
        outputClosing = nil
        closeOutput(context, promise)
      }
      deliver(context)
    case .wantsMore:
      sendReplies(context)
      if transportEnded {
        fail(context, TLSError(reason: "the connection ended during the handshake"))
      } else if phase == .handshaking {
        context.read()
      }
    case .closed: fail(context, TLSError(reason: "the peer closed during the handshake"))
    case .failed(let error): fail(context, error)
    }
  }

  /// Sends what OpenSSL wrote of its own accord.
  private func sendReplies(_ context: ChannelHandlerContext) {
    let reply = connection.takeOutput()
    guard reply.readableBytes > 0 else { return }
    let count = reply.readableBytes
    replyBytes += count
    let sent = context.eventLoop.makePromise(of: Void.self)
    sent.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.replyBytes -= count }
    context.writeAndFlush(wrapOutboundOut(reply), promise: sent)
    if phase == .established && replyBytes > Self.maximumReplyBytes {
      fail(context, TLSError(reason: "the peer does not read the answers that it asks for"))
    }
  }

  private func fail(_ context: ChannelHandlerContext, _ error: TLSError) {
    guard phase != .ended else { return }
    phase = .ended
    let alert = connection.takeOutput()
    if alert.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(alert), promise: nil) }
    context.fireUserInboundEventTriggered(TLSEvent.failed(reason: error.reason, verifyError: error.verifyError))
    failWrites(error)
    context.close(promise: nil)
  }

  private func failWrites(_ error: any Error) {
    for promise in writes.removeAll() { promise.fail(error) }
    if let promise = outputClosing {
      outputClosing = nil
      promise?.fail(error)
    }
  }

  // MARK: Reading

  public func read(context: ChannelHandlerContext) {
    isAsked = true
    guard !isDelivering, !inputEnded else { return }
    switch phase {
    // The handshake reads for itself.
    case .handshaking, .ended: return
    case .idle: context.read()
    case .established:
      if connection.heldBytes > 0 || transportEnded {
        deliver(context)
        completeRead(context, isOwn: true)
      } else {
        context.read()
      }
    }
  }

  public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard phase != .ended && !inputEnded else { return }
    connection.receive(unwrapInboundIn(data))
    switch phase {
    case .idle: begin(context)
    case .handshaking: shakeHands(context)
    case .established: deliver(context)
    case .ended: return
    }
  }

  public func channelReadComplete(context: ChannelHandlerContext) {
    completeRead(context, isOwn: false)
  }

  /// Gives the next handler what it asked for.
  private func deliver(_ context: ChannelHandlerContext) {
    guard !isDelivering else { return }
    isDelivering = true
    defer { isDelivering = false }
    while phase == .established, !inputEnded, isAsked || (1..<Self.readBytes).contains(delivered) {
      let size = min(max(connection.heldBytes, 1 << 10), Self.plaintextBytes)
      var plaintext = context.channel.allocator.buffer(capacity: size)
      let progress = connection.decrypt(into: &plaintext)
      if plaintext.readableBytes > 0 {
        isAsked = false
        delivered += plaintext.readableBytes
        context.fireChannelRead(wrapInboundOut(plaintext))
      }
      guard phase == .established else { return }
      sendReplies(context)
      switch progress {
      case .done: continue
      case .wantsMore:
        if transportEnded { endInput(context, isTruncated: true) }
        return
      case .closed: endInput(context, isTruncated: false)
      case .failed(let error): fail(context, error)
      }
    }
  }

  /// Ends a batch of reads.
  ///
  /// - isOwn: whether it came of what was held, and not of the channel, which after its own reads for itself if `autoRead` is on.
  private func completeRead(_ context: ChannelHandlerContext, isOwn: Bool) {
    guard !isDelivering else { return }
    while delivered > 0 {
      delivered = 0
      isDelivering = true
      context.fireChannelReadComplete()
      if isOwn, phase == .established, (try? context.channel.syncOptions?.getOption(.autoRead)) == true {
        context.pipeline.syncOperations.read()
      }
      isDelivering = false
      guard isAsked, connection.heldBytes > 0 || transportEnded else { break }
      deliver(context)
    }
    if isAsked, phase == .established, !inputEnded, !transportEnded { context.read() }
  }

  private func endInput(_ context: ChannelHandlerContext, isTruncated: Bool) {
    guard !inputEnded else { return }
    inputEnded = true
    if isTruncated { context.fireUserInboundEventTriggered(TLSEvent.truncated) }
    context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    if outputSent && phase == .established { context.close(promise: nil) }
  }

  public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .inputClosed? = event as? ChannelEvent else {
      context.fireUserInboundEventTriggered(event)
      return
    }
    transportEnded = true
    switch phase {
    case .handshaking: shakeHands(context)
    case .established: if isAsked || connection.heldBytes == 0 { deliverEnd(context) }
    case .idle, .ended: return
    }
  }

  /// The transport has ended and nobody needs to ask any more: an end is told without.
  private func deliverEnd(_ context: ChannelHandlerContext) {
    isAsked = true
    deliver(context)
    completeRead(context, isOwn: true)
  }

  public func channelInactive(context: ChannelHandlerContext) {
    transportEnded = true
    switch phase {
    case .handshaking: shakeHands(context)
    case .established:
      while phase == .established && !inputEnded {
        let held = connection.heldBytes
        deliverEnd(context)
        if connection.heldBytes == held { endInput(context, isTruncated: true) }
      }
    case .idle, .ended: break
    }
    phase = .ended
    failWrites(ChannelError.ioOnClosedChannel)
    context.fireChannelInactive()
  }

  public func handlerRemoved(context: ChannelHandlerContext) {
    phase = .ended
    failWrites(ChannelError.ioOnClosedChannel)
  }

  // MARK: Writing

  public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard phase != .ended, !outputEnded, outputClosing == nil else {
      promise?.fail(phase == .ended ? ChannelError.ioOnClosedChannel : ChannelError.outputClosed)
      return
    }
    writes.append(unwrapOutboundIn(data), promise)
    if phase != .established && writes.bytes > Self.maximumEarlyBytes {
      fail(context, TLSError(reason: "too much was written before the handshake was done"))
    }
  }

  public func flush(context: ChannelHandlerContext) {
    writes.markFlush()
    if phase == .established { sendFlushed(context) }
    context.flush()
  }

  private func sendFlushed(_ context: ChannelHandlerContext) {
    guard phase == .established, writes.hasFlushed else { return }
    do throws(TLSError) {
      while let record = writes.next() {
        try connection.encrypt(record)
        if writes.hasFlushed && connection.outputBytes >= Self.writeBytes {
          context.write(wrapOutboundOut(connection.takeOutput()), promise: nil)
        }
      }
    } catch {
      fail(context, error)
      return
    }
    context.writeAndFlush(wrapOutboundOut(connection.takeOutput()), promise: writes.takePromise(context.eventLoop))
  }

  public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    switch (mode, phase) {
    case (.output, .established) where !outputEnded: closeOutput(context, promise)
    case (.output, .idle) where outputClosing == nil, (.output, .handshaking) where outputClosing == nil:
      outputClosing = .some(promise)
    case (.output, _): promise?.fail(ChannelError.outputClosed)
    case (.input, _):
      inputEnded = true
      context.close(mode: .input, promise: promise)
    case (.all, _):
      if phase == .established && !outputEnded {
        // As much as the socket takes: a close does not wait.
        connection.closeOutput()
        context.writeAndFlush(wrapOutboundOut(connection.takeOutput()), promise: nil)
      }
      phase = .ended
      context.close(promise: promise)
    }
  }

  private func closeOutput(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
    outputEnded = true
    // As with TCP, what was written and not flushed is not sent.
    sendFlushed(context)
    for promise in writes.removeAll() { promise.fail(ChannelError.outputClosed) }
    guard phase == .established else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    connection.closeOutput()
    let sent = context.eventLoop.makePromise(of: Void.self)
    let context = NIOLoopBound(context, eventLoop: context.eventLoop)
    sent.futureResult.assumeIsolated().whenComplete { [weak self] result in
      guard let self else { return }
      if case .failure(let error) = result {
        promise?.fail(error)
        return
      }
      outputSent = true
      // Both ends have said their last: there is nothing to wait for.
      context.value.close(mode: inputEnded ? .all : .output, promise: promise)
    }
    context.value.writeAndFlush(wrapOutboundOut(connection.takeOutput()), promise: sent)
  }
}

@available(*, unavailable)
extension TLSHandler: Sendable {}
