import NIOCore
import Network
import SystemPackage
import Tracing

/// Answers a guest's connection of HTTP/1.x from what an earlier run recorded (``ExchangeIndex``).
///
/// An answer is given as it was recorded: head, body, transfer coding, the end of the connection after it, and a reset where it broke off. A
/// request that was not recorded gets 502 and a text that names it. After an answer 101 what followed it is played (``StreamReplay``), after one to
/// CONNECT the connection is one to the host for which that has asked (``HTTPTunnel``). What
/// ``HTTPRelay`` refuses is refused here, too.
///
/// On the channel's event loop.
public final class HTTPReplay {
  /// What a replay tells; called on its event loop.
  public struct Events {
    /// A request was answered.
    public var exchange: (HTTPExchange) -> Void
    /// A request was not recorded; why, for the user.
    public var missed: (HTTPExchange, String) -> Void
    /// The connection is closed: bytes that the guest has sent, and those that followed an answer 101.
    public var ended: (UInt64, UInt64) -> Void
    /// Without, CONNECT is refused.
    var tunnels: HTTPTunnels?

    public init(
      exchange: @escaping (HTTPExchange) -> Void, missed: @escaping (HTTPExchange, String) -> Void,
      ended: @escaping (UInt64, UInt64) -> Void
    ) {
      self.exchange = exchange
      self.missed = missed
      self.ended = ended
    }
  }

  private let connection: HTTPConnection
  private let index: ExchangeIndex
  private let check: HTTPRequestCheck
  private let events: Events

  private var guest: HTTPEnd!
  private var reader = HTTPMessageReader(.request)
  private var bytes = ByteBuffer()
  private var request: (head: HTTPHead, digest: SHA256, summary: HTTPExchange)?
  /// Where the last request leads, if it was a CONNECT.
  private var tunnel: HTTPTunnel.Target?
  private var answer: ReplayedAnswer?
  private var hasInputEnded = false
  /// The last answer is on its way.
  private var isEnding = false
  /// Somebody else has the channel.
  private var isOver = false
  private let lingering = HTTPLingering()

  /// Begins to answer.
  /// - Parameters:
  ///   - guest: on whose event loop this is called; it does not read by itself yet, and does from now on.
  ///   - bytes: what the guest has sent before.
  /// - Throws: the pipeline's errors; then the channel is the caller's still.
  public static func start(
    _ connection: HTTPConnection, guest: any Channel, after bytes: ByteBuffer = ByteBuffer(),
    from index: ExchangeIndex, events: Events
  ) throws {
    let replay = HTTPReplay(connection, index, events)
    let end = HTTPEnd(guest, owner: replay, after: bytes.readableBytes)
    replay.guest = end
    try guest.pipeline.syncOperations.addHandler(end)
    if bytes.readableBytes > 0 { replay.received(bytes, at: end) }
    guest.setOption(.autoRead, value: true).whenFailure { _ in }
  }

  private init(_ connection: HTTPConnection, _ index: ExchangeIndex, _ events: Events) {
    self.connection = connection
    self.index = index
    self.events = events
    check = HTTPRequestCheck(domain: connection.domain, allowsPush: connection.allowsPush)
  }

  private func advance() {
    do {
      while !guest.isClosed, !isEnding {
        if let answer {
          guard guest.channel.isWritable else { break }
          try advance(answer)
        } else if isOver {
          return
        } else {
          guard let part = try reader.next(from: &bytes) else { break }
          try take(part)
        }
      }
      guest.flush()
      if hasInputEnded, answer == nil, !isEnding { end() }
    } catch let failure as HTTPFailure {
      isEnding = true
      lingering.end(guest, with: failure)
    } catch { guest.reset() }
  }

  private func advance(_ answer: ReplayedAnswer) throws {
    if let part = try answer.next() { return guest.write(part) }
    self.answer = nil
    var summary = answer.summary
    summary.isComplete = !answer.isBroken
    events.exchange(summary)
    if answer.isBroken {
      isEnding = true
      guest.flush()
      guest.reset()
    } else if answer.isUpgrade {
      try handOver(after: answer)
    } else if answer.isLast {
      end()
    }
  }

  /// What follows is what was kept beside the exchange, or what a CONNECT has asked for.
  private func handOver(after answer: ReplayedAnswer) throws {
    let before = guest.count - UInt64(bytes.readableBytes)
    let ended = { [events] (sent: UInt64, received: UInt64) in events.ended(before + sent, received) }
    let summary = answer.summary
    // Nothing comes before the other owner is there.
    isOver = true
    guest.flush()
    if let tunnel {
      try guest.channel.syncOptions?.setOption(.autoRead, value: false)
      try events.tunnels?.begin(
        HTTPTunnel(
          target: tunnel, guestBytes: bytes, upstreamBytes: ByteBuffer(), hasGuestEnded: hasInputEnded,
          hasUpstreamEnded: false, ended: ended))
    } else if let stream = answer.stream {
      try StreamReplay.start(
        stream, guest: guest.channel, after: bytes, hasEnded: hasInputEnded, isWebSocket: answer.isWebSocket,
        missed: { [self] in events.missed(summary, "\(connection.name(of: summary)) was upgraded, and then \($0)") },
        ended: ended)
    }
    guest.release()
  }

  private func end() {
    isEnding = true
    lingering.end(guest)
  }

  private func take(_ part: HTTPMessageReader.Part) throws(HTTPFailure) {
    switch part {
    case .head(let head, let length):
      var summary = HTTPExchange(head, index.credentials)
      do throws(HTTPFailure) { tunnel = try check.check(head, events.tunnels) } catch {
        summary.status = error.status
        summary.refusal = error.refusal
        events.exchange(summary)
        throw error
      }
      request = (head, SHA256(), summary)
      if length != .none, head.minorVersion == 1, head.members(of: "expect").contains(Array("100-continue".utf8)) {
        guest.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
      }
    case .framing: break
    case .content(let bytes):
      bytes.withUnsafeReadableBytes { request?.digest.add($0) }
      request?.summary.requestBytes += UInt64(bytes.readableBytes)
    case .end:
      if let (head, digest, summary) = request { respond(head, digest.hexadecimal, summary) }
      request = nil
    }
  }

  private func respond(_ head: HTTPHead, _ digest: String, _ summary: HTTPExchange) {
    let key = ExchangeKey(
      head, index.credentials.hiding(inURL: head.target), digest: digest, connection.domain.directoryName,
      scheme: connection.scheme.rawValue, port: connection.port)
    switch index.find(key, for: connection.process) {
    case .missing(let reason): miss(head, summary, reason)
    case .found(let entry, let reader):
      do throws(ExchangeFormatError) {
        guard let response = try reader.response(entry, to: head.method) else {
          events.exchange(summary)
          isEnding = true
          guest.flush()
          return guest.reset()
        }
        guard response.length != .upgraded || response.stream != nil || tunnel != nil else {
          return miss(head, summary, "its answer was the beginning of another protocol, which was not kept to its end")
        }
        var accept: [UInt8]?
        if response.stream != nil {
          accept = WebSocketHandshake.accept(
            of: response.head.head, to: try reader.request(entry).head, for: head)
        }
        answer = ReplayedAnswer(
          try response.forHTTP1(minorVersion: head.minorVersion), entry.meta.state, summary,
          keepsAlive: head.keepsAlive, knowsInterim: head.minorVersion == 1, accept: accept)
      } catch { miss(head, summary, "its record is damaged: \(error)") }
    }
  }

  private func miss(_ head: HTTPHead, _ summary: HTTPExchange, _ reason: String) {
    var summary = summary
    summary.status = 502
    let text = connection.miss(of: summary, reason)
    events.missed(summary, text)
    let failure = HTTPFailure(502, text)
    guest.write(failure.answer(hasBody: summary.method != "HEAD", keepsAlive: head.keepsAlive))
    if !head.keepsAlive { end() }
  }
}

extension HTTPReplay: HTTPEndOwner {
  func received(_ bytes: ByteBuffer, at end: HTTPEnd) {
    if isEnding { return lingering.received(bytes, at: end) }
    self.bytes.append(bytes)
    advance()
  }

  func inputEnded(at end: HTTPEnd) {
    if isEnding, answer == nil { return end.close() }
    hasInputEnded = true
    advance()
  }

  func readCompleted(at end: HTTPEnd) {}

  func failed(at end: HTTPEnd) { answer = nil }

  func closed(_ end: HTTPEnd) {
    answer = nil
    lingering.ended()
    events.ended(end.count, 0)
  }

  func becameWritable(_ end: HTTPEnd) {
    advance()
    end.resume()
  }

  func mayRead(at end: HTTPEnd) -> Bool { !isOver && (isEnding || answer == nil) }
}
