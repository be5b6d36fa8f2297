import NIOCore
import NIOHPACK
import NIOHTTP2

/// Who takes what comes at the ends of a connection of HTTP/2.
protocol HTTP2EndOwner: AnyObject {
  func received(_ frame: HTTP2Frame, at end: HTTP2End)
  /// What has come together has been given.
  func readCompleted(at end: HTTP2End)
  /// A stream is over.
  /// - Parameter reason: nil where both sides have ended it.
  func streamClosed(_ stream: HTTP2StreamID, _ reason: HTTP2ErrorCode?, at end: HTTP2End)
  /// The other side sends nothing more.
  func inputEnded(at end: HTTP2End)
  /// The connection was reset, or its other side does not keep to the protocol, and has been told.
  func failed(at end: HTTP2End)
  func closed(_ end: HTTP2End)
  func becameWritable(_ end: HTTP2End)
  /// Whether there is room for more. Who says no calls `resume()` when there is.
  func mayRead(at end: HTTP2End) -> Bool
}

/// The last handler of a channel that carries HTTP/2: gives its owner frames, and writes what the owner gives it.
///
/// Windows grow by what the owner says was passed on (``credit(_:on:)``): so a side that does not read holds the other, stream by stream. (NIOHTTP2's
/// multiplexer would make a channel of each stream, and cannot tell of frames that it writes itself.)
final class HTTP2End: ChannelDuplexHandler {
  typealias InboundIn = HTTP2Frame
  typealias OutboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  let channel: any Channel
  private let mode: NIOHTTP2Handler.ParserMode
  private let counter = ByteCount()
  private var context: ChannelHandlerContext?
  private var owner: (any HTTP2EndOwner)?
  private var wantsToRead = false
  private(set) var isClosed = false
  private var hasFailed = false
  /// The connection's: what may come, what has come and was not passed on yet, and by how much it is about to grow.
  private var window = HTTP2Limits.initialConnectionWindow
  private var held = 0
  private var growth = 0
  /// What was passed on and not yet given back, of streams that more DATA may come on.
  private var credits: [HTTP2StreamID: Int] = [:]
  /// Windows were to grow when there was no room.
  private var isOwing = false
  /// What is on its way, and no doing of NIOHTTP2's.
  private var ownResets: Set<HTTP2StreamID> = []
  private var ownGoAways = 0
  private var hasResetStream = false

  private init(_ channel: any Channel, _ mode: NIOHTTP2Handler.ParserMode) {
    self.channel = channel
    self.mode = mode
  }

  /// Adds itself to a channel, which says our preface.
  /// - Parameter owner: held until the channel is closed.
  static func add(
    to channel: any Channel, _ mode: NIOHTTP2Handler.ParserMode, owner: any HTTP2EndOwner
  ) throws -> HTTP2End {
    // Handlers that are added to a closed channel hear nothing of it.
    guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
    let end = HTTP2End(channel, mode)
    try channel.pipeline.syncOperations.addHandlers(end.counter, HTTP2Limits.handler(mode, end), end)
    end.growWindows()
    // A peer that has reset the connection before ends it where the preface is written.
    guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
    end.owner = owner
    return end
  }

  /// Its owner hears nothing more.
  func release() { owner = nil }

  /// Bytes that have come.
  var count: UInt64 { counter.bytes }

  /// Takes what has come before, and reads from now on.
  func begin(after bytes: ByteBuffer) throws {
    if bytes.readableBytes > 0 {
      let context = try channel.pipeline.syncOperations.context(handler: counter)
      counter.channelRead(context: context, data: NIOAny(bytes))
      context.fireChannelReadComplete()
    }
    channel.setOption(.autoRead, value: true).whenFailure { _ in }
  }

  /// Reads what has waited for room, and lets more come.
  func resume() {
    guard wantsToRead || isOwing, !isClosed, owner?.mayRead(at: self) == true else { return }
    if isOwing {
      isOwing = false
      growWindows(of: credits.keys.sorted())
    }
    if wantsToRead {
      wantsToRead = false
      context?.read()
    }
  }

  // MARK: Writing

  func write(_ stream: HTTP2StreamID, _ payload: HTTP2Frame.FramePayload, _ promise: EventLoopPromise<Void>? = nil) {
    guard let context else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    switch payload {
    case .rstStream: ownResets.insert(stream)
    case .goAway: ownGoAways += 1
    default: break
    }
    context.write(wrapOutboundOut(HTTP2Frame(streamID: stream, payload: payload)), promise: promise)
  }

  func write(_ stream: HTTP2StreamID, _ headers: HPACKHeaders, endStream: Bool) {
    write(stream, .headers(.init(headers: headers, endStream: endStream)))
  }

  /// - Parameter done: called when it has gone out, or never will.
  func write(_ stream: HTTP2StreamID, _ data: IOData, endStream: Bool, done: @escaping (_ isWritten: Bool) -> Void) {
    let promise = channel.eventLoop.makePromise(of: Void.self)
    promise.futureResult.assumeIsolated().whenComplete { result in
      if case .success = result { done(true) } else { done(false) }
    }
    write(stream, .data(.init(data: data, endStream: endStream)), promise)
  }

  func reset(_ stream: HTTP2StreamID, _ code: HTTP2ErrorCode) {
    credits[stream] = nil
    write(stream, .rstStream(code))
  }

  /// An answer of our own.
  /// - Parameter isHead: to HEAD, without a body.
  func write(_ stream: HTTP2StreamID, _ failure: HTTPFailure, isHead: Bool, hasRequestEnded: Bool) {
    write(stream, HTTP2Head.headers(of: failure), endStream: isHead)
    if !isHead {
      write(stream, .data(.init(data: .byteBuffer(ByteBuffer(string: failure.body)), endStream: true)))
    }
    // RFC 9113, 8.1: the rest of the request is not wanted.
    if !hasRequestEnded { reset(stream, .noError) }
  }

  func flush() { context?.flush() }

  /// Sends what was written, and then that nothing more comes.
  func closeOutput() {
    context?.flush()
    context?.close(mode: .output, promise: nil)
  }

  func close() {
    context?.flush()
    context?.close(promise: nil)
  }

  /// Sends what was written, and closes when the other side has had the time to take that: what it says meanwhile would make a reset of it.
  func end() {
    closeOutput()
    channel.eventLoop.scheduleTask(in: .seconds(1)) { [channel] in channel.close(promise: nil) }
  }

  func reset() { if !isClosed { channel.reset() } }

  // MARK: Windows

  /// DATA was passed on, or dropped.
  func credit(_ count: Int, on stream: HTTP2StreamID) {
    guard !isClosed, count > 0 else { return }
    held -= count
    if let known = credits[stream] { credits[stream] = known + count }
    growWindows(of: [stream])
  }

  /// NIOHTTP2 drops what comes on streams that were reset: that is passed on to nobody, and has taken from the connection's window all the same.
  ///
  /// Nothing is given while there is no room for more: what the other side may still send then is what its windows let it.
  private func growWindows(of streams: [HTTP2StreamID] = []) {
    guard owner?.mayRead(at: self) ?? true else { return isOwing = true }
    var isDue = false
    let due = HTTP2Limits.connectionWindow - window - held - growth
    if due >= HTTP2Limits.connectionWindow / 2 {
      growth += due
      write(.rootStream, .windowUpdate(windowSizeIncrement: due))
      isDue = true
    }
    for stream in streams {
      guard let due = credits[stream], due >= HTTP2Limits.window(mode) / 2 else { continue }
      credits[stream] = 0
      write(stream, .windowUpdate(windowSizeIncrement: due))
      isDue = true
    }
    if isDue { flush() }
  }

  // MARK: The pipeline

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    owner = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    switch frame.payload {
    case .headers(let headers): credits[frame.streamID] = headers.endStream ? nil : credits[frame.streamID] ?? 0
    case .data(let data):
      held += frame.payload.flowControlled
      if data.endStream { credits[frame.streamID] = nil }
    case .rstStream: credits[frame.streamID] = nil
    default: break
    }
    owner?.received(frame, at: self)
  }

  func channelReadComplete(context: ChannelHandlerContext) { owner?.readCompleted(at: self) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event { owner?.inputEnded(at: self) }
    if let event = event as? NIOHTTP2WindowUpdatedEvent, event.streamID == .rootStream,
      let size = event.inboundWindowSize
    {
      window = size
      growWindows()
    }
    if let event = event as? StreamClosedEvent {
      credits[event.streamID] = nil
      owner?.streamClosed(event.streamID, event.reason, at: self)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? ChannelError, error == .outputClosed { return }
    let wasStreamReset = hasResetStream
    hasResetStream = false
    if !hasFailed, wasStreamReset && error is any NIOHTTP2Error || Self.isOfStream(error) { return }
    hasFailed = true
    owner?.failed(at: self)
    context.close(promise: nil)
  }

  /// What comes of frames that were written to a stream which the other side has ended meanwhile.
  private static func isOfStream(_ error: any Error) -> Bool {
    error is NIOHTTP2Errors.StreamError || error is NIOHTTP2Errors.NoSuchStream
      || error is NIOHTTP2Errors.StreamClosed || error is NIOHTTP2Errors.StreamIDTooSmall
      || error is NIOHTTP2Errors.CreatedStreamAfterGoaway
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

extension HTTP2End: NIOHTTP2FrameDelegate {
  /// NIOHTTP2 tells of an error in the same way whether it ends a stream or the connection: the frame that it has written before tells which.
  func wroteFrame(_ frame: HTTP2Frame) {
    switch frame.payload {
    case .goAway: if ownGoAways > 0 { ownGoAways -= 1 } else { hasFailed = true }
    case .windowUpdate(let increment) where frame.streamID == .rootStream:
      growth -= increment
      window += increment
    case .rstStream: if ownResets.remove(frame.streamID) == nil { hasResetStream = true }
    default: break
    }
  }
}
