import NIOCore
import SystemPackage
import Tracing

/// Joins a guest's connection and its upstream, both of HTTP/1.x, and records what goes over them.
///
/// Bytes go on as they came, but that a head has the fields added that the domain is given, and `Upgrade: h2c` left out: HTTP/2 could not be
/// recorded here. Nothing is held of a message but its head. Several requests may be on their way; their answers come in order.
///
/// A request that could be read in two ways, or is not for the connection's domain, is answered here (400, 403, 405, 421, 431, 501, 505), after
/// which the connection ends. Where the upstream's answer breaks off, the guest's connection is reset. After an answer 101 the connection is one of
/// bytes, kept beside the exchange (``ByteRelay``); after one to CONNECT it is one to the host for which that has asked (``HTTPTunnel``).
///
/// All on the event loop of both channels.
public final class HTTPRelay {
  /// Requests that wait for their answers; more are not read.
  private static let mostWaiting = 64

  private let connection: HTTPConnection
  private let injected: [HTTPHeaderField]
  private let proxied: ProxiedRequests?
  private let store: ExchangeStore
  private let requests: RequestsDirectory
  private let queue: RecordingQueue
  private let check: HTTPRequestCheck
  private let events: Events

  private var guest: HTTPEnd!
  private var upstream: HTTPEnd!
  private var requestReader = HTTPMessageReader(.request)
  private var responseReader = HTTPMessageReader(.response)
  private var requestBytes = ByteBuffer()
  private var responseBytes = ByteBuffer()
  /// Whose answers have not ended, the next one first.
  private var waiting = CircularBuffer<RelayedExchange>()
  /// Whose request has not ended.
  private var sending: RelayedExchange?
  /// The request that is to be answered here when those before it are.
  private var refusal: HTTPFailure?
  private var hasRefused = false
  private var isInformational = false
  private var hasGuestEnded = false
  private var hasUpstreamEnded = false
  /// Somebody else has the channels: after 101 bytes are but bytes.
  private var isOver = false
  private let lingering = HTTPLingering()

  /// Begins to relay.
  /// - Parameters:
  ///   - guest, upstream: of one event loop, on which this is called; they do not read by themselves yet, and do from now on.
  ///   - bytes: what the guest has sent before.
  ///   - injecting: added to each request on its way upstream, in the place of fields of the same name. Never recorded.
  ///   - proxied: where the upstream is a proxy of theirs.
  ///   - queue: the connection's; whoever is told of its end ends it.
  /// - Throws: `Errno` if the domain's directory cannot be made, and the pipelines' errors; then both channels are the caller's still.
  static func start(
    _ connection: HTTPConnection, guest: any Channel, upstream: any Channel, after bytes: ByteBuffer = ByteBuffer(),
    injecting: [HTTPHeaderField] = [], proxied: ProxiedRequests? = nil, into store: ExchangeStore,
    by queue: RecordingQueue, events: Events
  ) throws {
    let relay = HTTPRelay(
      connection, injecting, proxied, store, try store.requests(of: connection.domain), queue, events)
    let ends = (HTTPEnd(guest, owner: relay, after: bytes.readableBytes), HTTPEnd(upstream, owner: relay))
    (relay.guest, relay.upstream) = ends
    try guest.pipeline.syncOperations.addHandler(ends.0)
    do { try upstream.pipeline.syncOperations.addHandler(ends.1) } catch {
      guest.pipeline.syncOperations.removeHandler(ends.0, promise: nil)
      throw error
    }
    queue.tell(
      on: guest.eventLoop, hasRoom: { for end in [relay.guest, relay.upstream] { end?.resume() } },
      failed: relay.recordingFailed)
    if bytes.readableBytes > 0 {
      relay.received(bytes, at: ends.0)
      relay.readCompleted(at: ends.0)
    }
    for channel in [guest, upstream] { channel.setOption(.autoRead, value: true).whenFailure { _ in } }
  }

  private init(
    _ connection: HTTPConnection, _ injected: [HTTPHeaderField], _ proxied: ProxiedRequests?, _ store: ExchangeStore,
    _ requests: RequestsDirectory, _ queue: RecordingQueue, _ events: Events
  ) {
    self.proxied = proxied
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

extension HTTPRelay {
  private var takesRequests: Bool {
    guard refusal == nil, !hasRefused, !isOver else { return false }
    // Whether what comes after it is HTTP is known when it is answered.
    if let last = waiting.last, last.asksForUpgrade, last.hasRequestEnded { return false }
    return !requestReader.isBetweenMessages || waiting.count < Self.mostWaiting
  }

  private func takeRequests() {
    do throws(HTTPFailure) {
      while takesRequests, !guest.isClosed {
        guard let part = try requestReader.next(from: &requestBytes) else { break }
        try take(part)
      }
    } catch { refusal = error }
    refuse()
    if hasGuestEnded, takesRequests { endRequests() }
  }

  private func endRequests() {
    hasGuestEnded = false
    upstream.closeOutput()
  }

  private func take(_ part: HTTPMessageReader.Part) throws(HTTPFailure) {
    switch part {
    case .head(let head, _):
      let summary = HTTPExchange(head, store.credentials)
      let tunnel: HTTPTunnel.Target?
      do { tunnel = try permit(head) } catch {
        var refused = summary
        refused.status = error.status
        refused.refusal = error.refusal
        tell(refused)
        throw error
      }
      let exchange = RelayedExchange(
        head, summary, tunnel, store.begin(head, of: connection, in: requests, by: queue))
      waiting.append(exchange)
      sending = exchange
      upstream.write(forwarded(head))
    case .framing(let bytes): upstream.write(bytes)
    case .content(let bytes):
      sending?.add(toRequest: bytes)
      upstream.write(bytes)
    case .end(let trailers):
      upstream.write(trailers)
      guard let exchange = sending else { return }
      sending = nil
      exchange.endRequest(trailers)
      // It was answered before it had ended.
      if exchange.hasResponseEnded { finish(exchange, .complete) }
    }
  }

  private func permit(_ head: HTTPHead) throws(HTTPFailure) -> HTTPTunnel.Target? {
    let tunnel = try check.check(head, events.tunnels)
    // Its answer is the request, with what was added.
    if !injected.isEmpty, head.method.elementsEqual("TRACE".utf8) { throw HTTPFailure(405, "TRACE is refused") }
    return tunnel
  }

  /// A request's head as it goes upstream.
  private func forwarded(_ head: HTTPHead) -> [UInt8] {
    let dropsUpgrade = RelayedExchange.asksForHTTP2(head)
    let added = injected + (proxied?.fields ?? [])
    if added.isEmpty, !dropsUpgrade, proxied == nil { return head.bytes }
    let names = added.map { $0.name.lowercased() } + (dropsUpgrade ? ["upgrade", "http2-settings"] : [])
    // RFC 9110, 7.8: who does not speak one of the protocols takes it out of the list.
    let others = RelayedExchange.upgrades(head).map { String(decoding: $0, as: UTF8.self) }.joined(separator: ", ")
    let kept =
      dropsUpgrade && !others.isEmpty ? [HTTPHeaderField(name: "Upgrade", value: others)].compactMap { $0 } : []
    return head.bytes(
      startLine: proxied?.startLine(head), without: { name in names.contains { HTTPToken.equals(name, $0) } },
      adding: kept + added)
  }

  /// Answers a refused request when the ones before it are answered.
  private func refuse() {
    guard let failure = refusal, !hasRefused else { return }
    if let exchange = sending {
      // It is wrong in its middle, and upstream already.
      guard waiting.first === exchange || waiting.isEmpty else { return }
      guard !exchange.hasResponseBegun else { return reset() }
    } else if !waiting.isEmpty {
      return
    }
    hasRefused = true
    abort()
    upstream.reset()
    lingering.end(guest, with: failure)
  }
}

// MARK: - From upstream

extension HTTPRelay {
  private func takeResponses() {
    do throws(HTTPFailure) {
      while !isOver, !hasRefused, !upstream.isClosed,
        responseBytes.readableBytes > 0 || !responseReader.isBetweenMessages
      {
        guard let exchange = waiting.first else { break }
        guard let part = try responseReader.next(from: &responseBytes, answering: exchange.method) else { break }
        try take(part, for: exchange)
      }
      if isOver { return }
      // What nobody has asked for, such as 408 to a connection that was idle, is the end of the connection.
      if waiting.isEmpty, !hasRefused, responseBytes.readableBytes > 0 { return close() }
    } catch { return badResponse() }
    refuse()
    takeRequests()
    guest.resume()
  }

  private func take(_ part: HTTPMessageReader.Part, for exchange: RelayedExchange) throws(HTTPFailure) {
    switch part {
    case .head(let head, let length):
      isInformational = (100..<200).contains(head.status) && length != .upgraded
      let mayEnd = exchange.asksForUpgrade && (exchange.tunnel == nil || head.status != 101)
      guard length != .upgraded || mayEnd && exchange.hasRequestEnded else {
        throw HTTPFailure(502, "the upstream upgrades what it was not asked to")
      }
      if isInformational { exchange.inform(head) } else { exchange.respond(head) }
      guest.write(head.bytes)
      if length == .upgraded { handOver(after: exchange, isWebSocket: WebSocketHandshake.isDone(by: head)) }
    case .framing(let bytes): guest.write(bytes)
    case .content(let bytes):
      exchange.add(toResponse: bytes)
      guest.write(bytes)
    case .end(let trailers):
      guest.write(trailers)
      if isInformational { return }
      waiting.removeFirst()
      exchange.endResponse(trailers)
      if exchange.hasRequestEnded { finish(exchange, .complete) }
    }
  }

  /// What follows is bytes, kept beside the exchange, or what a CONNECT has asked for.
  private func handOver(after exchange: RelayedExchange, isWebSocket: Bool) {
    waiting.removeFirst()
    exchange.endResponse([])
    finish(exchange, .complete)
    queue.start()
    // Nothing comes before the other owner is there.
    isOver = true
    for end in [guest, upstream] { end?.flush() }
    do { try handOver(exchange, isWebSocket: isWebSocket) } catch {
      return recordingFailed(error as? Errno ?? .ioError)
    }
    for end in [guest, upstream] { end?.release() }
  }

  private func handOver(_ exchange: RelayedExchange, isWebSocket: Bool) throws {
    let before = (
      guest.count - UInt64(requestBytes.readableBytes), upstream.count - UInt64(responseBytes.readableBytes)
    )
    let ended = { [events] (sent: UInt64, received: UInt64) in events.ended(before.0 + sent, before.1 + received) }
    guard let target = exchange.tunnel else {
      return try ByteRelay.join(
        guest.channel, upstream.channel, after: requestBytes, responseBytes, firstEnded: hasGuestEnded,
        secondEnded: hasUpstreamEnded, recorder: exchange.beginStream(isWebSocket: isWebSocket),
        recordingFailed: events.recordingFailed, ended: ended)
    }
    for end in [guest, upstream] { try end?.channel.syncOptions?.setOption(.autoRead, value: false) }
    try events.tunnels?.begin(
      HTTPTunnel(
        target: target, guestBytes: requestBytes, upstreamBytes: responseBytes, hasGuestEnded: hasGuestEnded,
        hasUpstreamEnded: hasUpstreamEnded, ended: ended))
  }

  /// What upstream says is not HTTP, or can be read in two ways.
  private func badResponse() {
    guard waiting.first?.hasResponseBegun == false else { return reset() }
    sending = nil
    abort()
    hasRefused = true
    upstream.reset()
    lingering.end(guest, with: HTTPFailure(502, "the answer of \(connection.domain.bracketed) is not one of HTTP/1.1"))
  }
}

// MARK: - Ends

extension HTTPRelay {
  private func finish(_ exchange: RelayedExchange, _ state: ExchangeMeta.State) {
    exchange.finish(state)
    tell(exchange.summary)
  }

  private func tell(_ exchange: HTTPExchange) { queue.tell(exchange, of: self, to: events) }

  /// What has not ended is recorded as that.
  private func abort() {
    var rest = Array(waiting)
    if let sending, !rest.contains(where: { $0 === sending }) { rest.append(sending) }
    waiting.removeAll()
    sending = nil
    for exchange in rest { finish(exchange, exchange.hasResponseEnded ? .complete : .aborted) }
  }

  /// What cannot be recorded does not go on.
  private func recordingFailed(_ error: Errno) {
    events.recordingFailed(error)
    reset()
  }

  private func reset() {
    abort()
    guest.reset()
    upstream.reset()
  }

  private func close() {
    abort()
    guest.closeOutput()
    upstream.close()
  }
}

extension HTTPRelay: HTTPEndOwner {
  func received(_ bytes: ByteBuffer, at end: HTTPEnd) {
    if hasRefused {
      if end === guest { lingering.received(bytes, at: end) }
      return
    }
    if end === guest {
      if upstream.isClosed { return lingering.received(bytes, at: end) }
      requestBytes.append(bytes)
      takeRequests()
    } else {
      responseBytes.append(bytes)
      takeResponses()
    }
  }

  /// What came in one go goes on in one go.
  func readCompleted(at end: HTTPEnd) {
    guest.flush()
    upstream.flush()
    queue.startSoon(on: guest.channel.eventLoop)
  }

  func inputEnded(at end: HTTPEnd) {
    if hasRefused || end === guest && upstream.isClosed { return end.close() }
    if end === upstream { hasUpstreamEnded = true }
    if end === guest {
      hasGuestEnded = true
      takeRequests()
      return upstream.flush()
    }
    if responseReader.finish(), let exchange = waiting.popFirst() {
      exchange.endResponse([])
      if exchange.hasRequestEnded { finish(exchange, .complete) }
    } else if !responseReader.isBetweenMessages || responseBytes.readableBytes > 0 {
      return reset()
    }
    abort()
    guest.closeOutput()
  }

  func failed(at end: HTTPEnd) {
    let isAnswered = waiting.isEmpty
    abort()
    if end === guest { return upstream.reset() }
    hasUpstreamEnded = true
    if hasRefused { return }
    // A server that has answered and did not want the rest of a body resets the connection by closing it; the answer is to arrive.
    if isAnswered { guest.closeOutput() } else { guest.reset() }
  }

  func closed(_ end: HTTPEnd) {
    if end === upstream, !hasUpstreamEnded, !hasRefused, !guest.isClosed { inputEnded(at: end) }
    abort()
    if end === guest { lingering.ended() }
    if guest.isClosed && upstream.isClosed { return events.ended(guest.count, upstream.count) }
    if hasRefused { return }
    if end === guest { return upstream.close() }
    // What has come last from upstream may be on its way to the guest still.
    guest.closeOutput()
    guest.resume()
  }

  func becameWritable(_ end: HTTPEnd) { (end === guest ? upstream : guest).resume() }

  func mayRead(at end: HTTPEnd) -> Bool {
    if isOver { return false }
    if hasRefused || end === guest && upstream.isClosed { return true }
    guard (end === guest ? upstream : guest).channel.isWritable, queue.hasRoom else { return false }
    return end === upstream || takesRequests
  }
}
