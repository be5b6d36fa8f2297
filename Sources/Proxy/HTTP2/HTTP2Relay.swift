import NIOCore
import NIOHPACK
import NIOHTTP2
import SystemPackage
import Tracing

/// Joins a guest's connection and its upstream, both of HTTP/2 (RFC 9113), and records what goes over them.
///
/// Each stream of the guest's is one upstream, of the same number. Fields and DATA go on as they come, in both directions at once, with the fields added
/// that the domain is given; so do resets and GOAWAY with their codes. What either side may send is what the other takes: streams by number, DATA by windows.
/// Each connection has its own compression, SETTINGS and PING. Servers push nothing; CONNECT (RFC 8441, too) is refused.
///
/// A request that could be read in two ways, or is not for the connection's domain, is answered here, as ``HTTPRelay`` does, and the connection goes on.
/// What breaks the protocol ends its stream or its connection, as NIOHTTP2 says; so do floods (``HTTP2Limits``).
///
/// All on the event loop of both channels.
public final class HTTP2Relay {
  public typealias Events = HTTPRelay.Events

  private let connection: HTTPConnection
  private let injected: [HTTPHeaderField]
  private let store: ExchangeStore
  private let requests: RequestsDirectory
  private let queue: RecordingQueue
  private let check: HTTPRequestCheck
  private let events: Events

  private var guest: HTTP2End!
  private var upstream: HTTP2End!
  private var exchanges: [HTTP2StreamID: HTTP2Exchange] = [:]
  /// Whose streams are to be opened upstream.
  private var opening = CircularBuffer<HTTP2Exchange>()
  private var isOpening = false
  /// Streams that are open upstream, and how many may be.
  private var open: Set<HTTP2StreamID> = []
  private var mostOpen = HTTP2Limits.firstStreams
  private var lastStream = HTTP2StreamID.rootStream
  /// The upstream takes no more streams, or none is to be sent to it.
  private var isRetired = false
  private var lastTaken = HTTP2StreamID.maxID
  private var hasGuestEnded = false
  private var hasUpstreamEnded = false
  private var goAway: HTTP2ErrorCode?

  /// Begins to relay.
  /// - Parameters:
  ///   - guest, upstream: of one event loop, on which this is called; they do not read by themselves yet, and do from now on.
  ///   - bytes, upstreamBytes: what they have sent before.
  ///   - injecting: added to each request on its way upstream, in the place of fields of the same name. Never recorded.
  ///   - queue: the connection's; whoever is told of its end ends it.
  /// - Throws: `Errno` if the domain's directory cannot be made, and the pipelines' errors; then both channels are the caller's still.
  static func start(
    _ connection: HTTPConnection, guest: any Channel, upstream: any Channel, after bytes: ByteBuffer = ByteBuffer(),
    _ upstreamBytes: ByteBuffer = ByteBuffer(), injecting: [HTTPHeaderField] = [], into store: ExchangeStore,
    by queue: RecordingQueue, events: Events
  ) throws {
    let relay = HTTP2Relay(connection, injecting, store, try store.requests(of: connection.domain), queue, events)
    relay.upstream = try HTTP2End.add(to: upstream, .client, owner: relay)
    do { relay.guest = try HTTP2End.add(to: guest, .server, owner: relay) } catch {
      relay.upstream.release()
      throw error
    }
    queue.tell(
      on: guest.eventLoop, hasRoom: { for end in [relay.guest, relay.upstream] { end?.resume() } },
      failed: relay.recordingFailed)
    try relay.upstream.begin(after: upstreamBytes)
    try relay.guest.begin(after: bytes)
  }

  private init(
    _ connection: HTTPConnection, _ injected: [HTTPHeaderField], _ store: ExchangeStore, _ requests: RequestsDirectory,
    _ queue: RecordingQueue, _ events: Events
  ) {
    self.connection = connection
    self.injected = injected
    self.store = store
    self.requests = requests
    self.queue = queue
    self.events = events
    check = HTTPRequestCheck(domain: connection.domain, allowsPush: connection.allowsPush)
  }
}

// MARK: - From the guest

extension HTTP2Relay {
  private func takeRequest(_ frame: HTTP2Frame) {
    let stream = frame.streamID
    switch frame.payload {
    case .headers(let headers) where stream > lastStream:
      lastStream = stream
      begin(stream, headers)
    case .headers(let headers):
      guard let exchange = exchanges[stream] else { return }
      guard let trailers = try? HTTP2Head.trailers(headers.headers) else { return endBoth(exchange, .protocolError) }
      send(.headers(.init(headers: headers.headers, endStream: headers.endStream)), exchange)
      endRequest(exchange, trailers)
    case .data(let data):
      let size = frame.payload.flowControlled
      guard let exchange = exchanges[stream], case .byteBuffer(let bytes) = data.data else {
        return guest.credit(size, on: stream)
      }
      if bytes.readableBytes > 0 { exchange.record.add(toRequest: bytes) }
      send(frame.payload, exchange)
      if data.endStream { endRequest(exchange, []) }
    case .rstStream(let code): reset(stream, code, at: guest)
    case .goAway(_, let code, _):
      goAway = code
      openLater()
    default: break
    }
  }

  private func begin(_ stream: HTTP2StreamID, _ headers: HTTP2Frame.FramePayload.Headers) {
    guard !isRetired, !upstream.isClosed else { return guest.reset(stream, .refusedStream) }
    var refused: HTTPExchange?
    do throws(HTTPFailure) {
      let head = try HTTP2Head.request(headers.headers)
      let summary = HTTPExchange(head, store.credentials)
      refused = summary
      _ = try check.check(head, nil)
      // Its answer is the request, with what was added.
      if !injected.isEmpty, head.method.elementsEqual("TRACE".utf8) { throw HTTPFailure(405, "TRACE is refused") }
      let exchange = HTTP2Exchange(
        stream, RelayedExchange(head, summary, nil, store.begin(head, of: connection, in: requests, by: queue)))
      exchanges[stream] = exchange
      opening.append(exchange)
      exchange.held = [
        .headers(.init(headers: HTTP2Head.headers(headers.headers, injecting: injected), endStream: headers.endStream))
      ]
      openLater()
      if headers.endStream { endRequest(exchange, []) }
    } catch {
      refused?.status = error.status
      refused?.refusal = error.refusal
      if let refused { queue.tell(refused, of: self, to: events) }
      guest.write(stream, error, isHead: refused?.method == "HEAD", hasRequestEnded: headers.endStream)
    }
  }

  private func endRequest(_ exchange: HTTP2Exchange, _ trailers: [UInt8]) {
    exchange.record.endRequest(trailers)
    if exchange.record.hasResponseEnded { finish(exchange, .complete) }
  }

  private func send(_ payload: HTTP2Frame.FramePayload, _ exchange: HTTP2Exchange) {
    if exchange.held != nil {
      exchange.held?.append(payload)
    } else {
      pass(payload, exchange.stream)
    }
  }

  /// What was passed on makes room for more.
  private func pass(_ payload: HTTP2Frame.FramePayload, _ stream: HTTP2StreamID) {
    guard case .data(let data) = payload else { return upstream.write(stream, payload) }
    let size = payload.flowControlled
    upstream.write(stream, data.data, endStream: data.endStream) { [self] _ in guest.credit(size, on: stream) }
  }

  /// NIOHTTP2 fails a precondition where more streams than it counts wait behind other frames while the upstream lowers their number. From a task of its own
  /// nothing waits.
  private func openLater() {
    guard !isOpening else { return }
    isOpening = true
    guest.channel.eventLoop.assumeIsolated().execute { [self] in
      isOpening = false
      openStreams()
    }
  }

  private func openStreams() {
    guard !upstream.isClosed else { return }
    upstream.flush()
    while open.count < mostOpen, upstream.channel.isWritable, let exchange = opening.popFirst() {
      guard let held = exchange.held, exchanges[exchange.stream] === exchange else { continue }
      exchange.held = nil
      open.insert(exchange.stream)
      for payload in held { pass(payload, exchange.stream) }
    }
    upstream.flush()
    if let code = goAway, opening.isEmpty {
      goAway = nil
      upstream.write(.rootStream, .goAway(lastStreamID: .rootStream, errorCode: code, opaqueData: nil))
      upstream.flush()
    }
  }
}

// MARK: - From upstream

extension HTTP2Relay {
  private func takeResponse(_ frame: HTTP2Frame) {
    let stream = frame.streamID
    switch frame.payload {
    case .headers(let headers):
      guard let exchange = exchanges[stream] else { return }
      do throws(HTTPFailure) { try take(headers, exchange) } catch { badResponse(exchange, error) }
    case .data(let data):
      guard let exchange = exchanges[stream], case .byteBuffer(let bytes) = data.data else {
        return upstream.credit(frame.payload.flowControlled, on: stream)
      }
      if bytes.readableBytes > 0 {
        exchange.record.add(toResponse: bytes)
        exchange.record.turn()
      }
      exchange.inFlight += 1
      let size = frame.payload.flowControlled
      guest.write(stream, data.data, endStream: data.endStream) { [self] _ in
        upstream.credit(size, on: stream)
        exchange.inFlight -= 1
        guard exchange.inFlight == 0, let code = exchange.lateReset else { return }
        guest.reset(stream, code)
        guest.flush()
      }
      if data.endStream { endResponse(exchange, []) }
    case .rstStream(let code): reset(stream, code, at: upstream)
    case .goAway(let last, let code, _):
      events.noted("GOAWAY on connection \(connection.number), after stream \(Int(last)), code \(code.networkCode)")
      retire(after: last, code)
    case .settings(.settings(let settings)):
      for setting in settings where setting.parameter == .maxConcurrentStreams { mostOpen = setting.value }
      openLater()
    default: break
    }
  }

  private func take(_ headers: HTTP2Frame.FramePayload.Headers, _ exchange: HTTP2Exchange) throws(HTTPFailure) {
    var trailers: [UInt8] = []
    if exchange.record.hasResponseBegun {
      trailers = try HTTP2Head.trailers(headers.headers)
    } else {
      let head = try HTTP2Head.response(headers.headers)
      guard head.status != 101 else { throw HTTPFailure(502, "HTTP/2 has no 101") }
      if head.status < 200 {
        exchange.record.inform(head)
      } else {
        exchange.record.respond(head)
        exchange.record.turn()
      }
    }
    guest.write(exchange.stream, headers.headers, endStream: headers.endStream)
    if headers.endStream { endResponse(exchange, trailers) }
  }

  private func endResponse(_ exchange: HTTP2Exchange, _ trailers: [UInt8]) {
    exchange.record.endResponse(trailers)
    exchange.record.turn()
    if exchange.record.hasRequestEnded { finish(exchange, .complete) }
  }

  /// What upstream says can be read in two ways, or is not what it has said: NIOHPACK's table of fields may differ from its own from now on.
  private func badResponse(_ exchange: HTTP2Exchange, _ failure: HTTPFailure) {
    let stream = exchange.stream
    finish(exchange, .aborted)
    if exchange.record.hasResponseBegun {
      resetGuest(exchange, .protocolError)
    } else {
      let text = "the answer of \(connection.domain.bracketed) is not one of HTTP/2: \(failure.reason)"
      let isHead = exchange.record.method.elementsEqual("HEAD".utf8)
      guest.write(stream, HTTPFailure(502, text), isHead: isHead, hasRequestEnded: exchange.record.hasRequestEnded)
    }
    upstream.reset(stream, .protocolError)
    retire(after: lastStream, .noError)
  }

  /// The guest is told what the upstream has said: the streams are of the same numbers.
  private func retire(after last: HTTP2StreamID, _ code: HTTP2ErrorCode) {
    // Answers that are given come before it.
    guest.flush()
    // RFC 9113, 6.8: it is not raised.
    let last = min(last, lastTaken)
    lastTaken = last
    isRetired = true
    for exchange in opening where exchanges[exchange.stream] === exchange {
      guest.reset(exchange.stream, .refusedStream)
      exchange.record.reset(.refusedStream)
      abort(exchange)
    }
    opening.removeAll()
    for exchange in exchanges.values where exchange.stream > last {
      exchange.record.reset(.refusedStream)
      abort(exchange)
    }
    guest.write(.rootStream, .goAway(lastStreamID: last, errorCode: code, opaqueData: nil))
    guest.flush()
  }
}

// MARK: - Ends

extension HTTP2Relay {
  private func finish(_ exchange: HTTP2Exchange, _ state: ExchangeMeta.State) {
    guard exchanges.removeValue(forKey: exchange.stream) != nil else { return }
    exchange.record.finish(state)
    queue.tell(exchange.record.summary, of: self, to: events)
    closeIfOver()
  }

  /// What has not ended is recorded as that.
  private func abort(_ exchange: HTTP2Exchange) {
    finish(exchange, exchange.record.hasResponseEnded ? .complete : .aborted)
  }

  private func abort() { for exchange in exchanges.values.sorted(by: { $0.stream < $1.stream }) { abort(exchange) } }

  /// One side has ended a stream, and so the other is told.
  private func reset(_ stream: HTTP2StreamID, _ code: HTTP2ErrorCode, at end: HTTP2End) {
    guard let exchange = exchanges[stream] else { return }
    exchange.record.reset(code)
    let isOpen = exchange.held == nil
    exchange.held = nil
    // What is told of its end comes back at once.
    abort(exchange)
    if end === upstream {
      resetGuest(exchange, code)
    } else if isOpen {
      upstream.reset(stream, code)
    }
  }

  /// NIOHTTP2 drops what has not gone out when a stream is reset; a server has sent it before.
  private func resetGuest(_ exchange: HTTP2Exchange, _ code: HTTP2ErrorCode) {
    guest.flush()
    if exchange.inFlight > 0 { exchange.lateReset = code } else { guest.reset(exchange.stream, code) }
  }

  private func endBoth(_ exchange: HTTP2Exchange, _ code: HTTP2ErrorCode) {
    let isOpen = exchange.held == nil
    reset(exchange.stream, code, at: upstream)
    if isOpen { upstream.reset(exchange.stream, code) }
  }

  /// What cannot be recorded does not go on.
  private func recordingFailed(_ error: Errno) {
    events.recordingFailed(error)
    abort()
    guest.reset()
    upstream.reset()
  }
}

extension HTTP2Relay: HTTP2EndOwner {
  func received(_ frame: HTTP2Frame, at end: HTTP2End) {
    if end === guest { takeRequest(frame) } else { takeResponse(frame) }
  }

  func readCompleted(at end: HTTP2End) {
    guest.flush()
    upstream.flush()
    queue.startSoon(on: guest.channel.eventLoop)
  }

  func streamClosed(_ stream: HTTP2StreamID, _ reason: HTTP2ErrorCode?, at end: HTTP2End) {
    if let reason { reset(stream, reason, at: end) }
    queue.startSoon(on: guest.channel.eventLoop)
    guard end === upstream, open.remove(stream) != nil, !opening.isEmpty else { return }
    openLater()
  }

  func inputEnded(at end: HTTP2End) {
    if end === guest {
      hasGuestEnded = true
    } else {
      hasUpstreamEnded = true
      abort()
      queue.start()
    }
    (end === guest ? upstream : guest).closeOutput()
    closeIfOver()
  }

  /// A channel whose two directions have ended is open still; and who asks nothing more and has all answers is gone, whatever the server thinks.
  private func closeIfOver() {
    if hasGuestEnded, exchanges.isEmpty { for end in [guest, upstream] { end?.close() } }
  }

  func failed(at end: HTTP2End) {
    abort()
    if end === guest { return upstream.reset() }
    hasUpstreamEnded = true
    guest.reset()
  }

  func closed(_ end: HTTP2End) {
    abort()
    if guest.isClosed && upstream.isClosed { return events.ended(guest.count, upstream.count) }
    if end === guest { return upstream.close() }
    if hasUpstreamEnded { guest.resume() } else { guest.close() }
  }

  func becameWritable(_ end: HTTP2End) {
    (end === guest ? upstream : guest)?.resume()
    if end === upstream, !opening.isEmpty { openLater() }
  }

  func mayRead(at end: HTTP2End) -> Bool {
    guard let other = end === guest ? upstream : guest else { return true }
    return other.isClosed || other.channel.isWritable && queue.hasRoom
  }
}
