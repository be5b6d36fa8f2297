import NIOCore
import NIOHTTP2
import SystemPackage
import Tracing

/// Answers a guest's connection of HTTP/2 from what an earlier run recorded (``ExchangeIndex``), by whatever version.
///
/// Streams are answered as their requests end, each by itself: the head, the body, the fields after it, and the reset that ended it. An answer that began
/// before its request had ended begins again when as much was said, and goes on in the same turns, as long as what is said is what was recorded
/// (``ExchangeTurn``): so what two programs say to each other on a stream is the same again, though no more of it is known beforehand than that it is so.
/// Where an answer broke off with its connection, the connection ends when the other answers have been given. Misses and refusals are those of ``HTTPReplay``.
///
/// On the channel's event loop.
public final class HTTP2Replay {
  public typealias Events = HTTPReplay.Events

  private final class Stream {
    let id: HTTP2StreamID
    let head: HTTPHead
    var digest = SHA256()
    var summary: HTTPExchange
    /// What was said, while an answer may begin before all is.
    var said: [UInt8]?
    var early: EarlyAnswer?
    var answer: HTTP2Answer?
    var hasRequestEnded = false
    /// A part is on its way.
    var isWriting = false
    var isGiving = false

    init(_ id: HTTP2StreamID, _ head: HTTPHead, _ summary: HTTPExchange) {
      self.id = id
      self.head = head
      self.summary = summary
    }
  }

  /// Bytes of a request that are kept for an answer that may begin early.
  private static let mostSaid = 1 << 20

  private let connection: HTTPConnection
  private let index: ExchangeIndex
  private let check: HTTPRequestCheck
  private let events: Events

  private var guest: HTTP2End!
  private var streams: [HTTP2StreamID: Stream] = [:]
  private var lastStream = HTTP2StreamID.rootStream
  /// The connection ends when no stream is left.
  private var isEnding = false
  private var hasGuestEnded = false

  /// Begins to answer.
  /// - Parameters:
  ///   - guest: on whose event loop this is called; it does not read by itself yet, and does from now on.
  ///   - bytes: what the guest has sent before.
  /// - Throws: the pipeline's error; then the channel is the caller's still.
  public static func start(
    _ connection: HTTPConnection, guest: any Channel, after bytes: ByteBuffer = ByteBuffer(),
    from index: ExchangeIndex, events: Events
  ) throws {
    let replay = HTTP2Replay(connection, index, events)
    replay.guest = try HTTP2End.add(to: guest, .server, owner: replay)
    try replay.guest.begin(after: bytes)
  }

  private init(_ connection: HTTPConnection, _ index: ExchangeIndex, _ events: Events) {
    self.connection = connection
    self.index = index
    self.events = events
    check = HTTPRequestCheck(domain: connection.domain, allowsPush: connection.allowsPush)
  }
}

// MARK: - Requests

extension HTTP2Replay {
  private func begin(_ id: HTTP2StreamID, _ headers: HTTP2Frame.FramePayload.Headers) {
    guard !isEnding else { return guest.reset(id, .refusedStream) }
    var refused: HTTPExchange?
    do throws(HTTPFailure) {
      let head = try HTTP2Head.request(headers.headers)
      let summary = HTTPExchange(head, index.credentials)
      refused = summary
      _ = try check.check(head, nil)
      let stream = Stream(id, head, summary)
      streams[id] = stream
      if headers.endStream { return endRequest(stream) }
      if head.members(of: "expect").contains(Array("100-continue".utf8)) {
        guest.write(id, [":status": "100"], endStream: false)
      }
      if index.mayBeginEarly(key(stream, "")) {
        stream.said = []
        beginEarly(stream)
      }
    } catch {
      refused?.status = error.status
      refused?.refusal = error.refusal
      if let refused { events.exchange(refused) }
      guest.write(id, error, isHead: refused?.method == "HEAD", hasRequestEnded: headers.endStream)
    }
  }

  private func key(_ stream: Stream, _ digest: String) -> ExchangeKey {
    ExchangeKey(
      stream.head, index.credentials.hiding(inURL: stream.head.target), digest: digest,
      connection.domain.directoryName, scheme: connection.scheme.rawValue, port: connection.port)
  }

  private func add(_ data: IOData, to stream: Stream) {
    guard case .byteBuffer(let bytes) = data, bytes.readableBytes > 0 else { return }
    bytes.withUnsafeReadableBytes { stream.digest.add($0) }
    stream.summary.requestBytes += UInt64(bytes.readableBytes)
    if stream.early != nil {
      guard stream.early?.isSame(Array(bytes.readableBytesView)[...]) == true else {
        return miss(stream, "what it says is another than what was recorded")
      }
      allow(stream)
    } else if stream.said != nil {
      stream.said? += bytes.readableBytesView
      beginEarly(stream)
    }
  }

  private func beginEarly(_ stream: Stream) {
    guard let said = stream.said else { return }
    stream.early = index.findEarly(key(stream, ""), for: connection.process, after: said)
    if let early = stream.early {
      stream.said = nil
      respond(stream, early.entry, early.reader)
    } else if said.count > Self.mostSaid {
      stream.said = nil
    }
  }

  private func endRequest(_ stream: Stream) {
    stream.hasRequestEnded = true
    stream.said = nil
    if let early = stream.early {
      guard early.isLast || early.entry.meta.requestDigest == stream.digest.hexadecimal else {
        return miss(stream, "what it says is another than what was recorded")
      }
      stream.answer?.allowed = nil
      give(stream)
      return endIfOver(stream)
    }
    switch index.find(key(stream, stream.digest.hexadecimal), for: connection.process) {
    case .missing(let reason): miss(stream, reason)
    case .found(let entry, let reader): respond(stream, entry, reader)
    }
  }

  private func miss(_ stream: Stream, _ reason: String) {
    var summary = stream.summary
    summary.status = 502
    let text = connection.miss(of: summary, reason)
    events.missed(summary, text)
    streams[stream.id] = nil
    if stream.answer == nil {
      guest.write(
        stream.id, HTTPFailure(502, text), isHead: summary.method == "HEAD", hasRequestEnded: stream.hasRequestEnded)
    } else {
      guest.reset(stream.id, .internalError)
    }
  }
}

// MARK: - Answers

extension HTTP2Replay {
  private func respond(_ stream: Stream, _ entry: ExchangeRecord, _ reader: ExchangeReader) {
    do throws(ExchangeFormatError) {
      guard let response = try reader.response(entry, to: stream.head.method) else {
        finish(stream, stream.summary)
        guard let code = entry.meta.reset else { return breakOff() }
        return guest.reset(stream.id, HTTP2ErrorCode(networkCode: Int(code)))
      }
      guard response.length != .upgraded else {
        return miss(stream, "its answer was the beginning of another protocol, which HTTP/2 has not")
      }
      stream.answer = HTTP2Answer(response, entry.meta, stream.summary, allowed: nil)
      allow(stream)
    } catch { miss(stream, "its record is damaged: \(error)") }
  }

  /// As much as has been said lets come.
  private func allow(_ stream: Stream) {
    if let early = stream.early, !stream.hasRequestEnded { stream.answer?.allowed = early.isLast ? nil : early.given }
    give(stream)
  }

  private func give(_ stream: Stream) {
    // The end of a part may be told while it is written.
    guard !stream.isGiving else { return }
    stream.isGiving = true
    defer { stream.isGiving = false }
    do throws(Errno) {
      // What went out at once has made room for more.
      var hasGiven = false
      repeat {
        hasGiven = false
        while !stream.isWriting, streams[stream.id] === stream, let answer = stream.answer,
          let part = try answer.next()
        {
          hasGiven = true
          write(part, stream, answer)
        }
        guest.flush()
      } while hasGiven && !stream.isWriting
    } catch {
      finish(stream, stream.answer?.summary ?? stream.summary)
      guest.reset(stream.id, .internalError)
      guest.flush()
    }
  }

  private func write(_ part: HTTP2Answer.Part, _ stream: Stream, _ answer: HTTP2Answer) {
    switch part {
    case .headers(let headers, let isLast): guest.write(stream.id, headers, endStream: isLast)
    case .data(let bytes, let isLast):
      stream.isWriting = true
      guest.write(stream.id, .byteBuffer(bytes), endStream: isLast) { [self] isWritten in
        stream.isWriting = false
        // Otherwise the stream is over.
        guard isWritten else { return }
        give(stream)
        endIfOver(stream)
      }
    case .reset(let code):
      finish(stream, answer.summary)
      return guest.reset(stream.id, code)
    case .brokeOff:
      finish(stream, answer.summary)
      return breakOff()
    }
    endIfOver(stream)
  }

  /// A request may go on for as long as it likes after its answer, unless it was told not to.
  private func endIfOver(_ stream: Stream) {
    guard let answer = stream.answer, answer.isOver, !stream.isWriting, streams[stream.id] === stream else {
      return
    }
    if !stream.hasRequestEnded {
      guard let code = answer.lateReset else { return }
      guest.reset(stream.id, code)
    }
    var summary = answer.summary
    summary.requestBytes = stream.summary.requestBytes
    summary.isComplete = true
    finish(stream, summary)
  }

  private func finish(_ stream: Stream, _ summary: HTTPExchange) {
    guard streams.removeValue(forKey: stream.id) != nil else { return }
    events.exchange(summary)
    if isEnding { breakOff() }
  }

  private func breakOff() {
    isEnding = true
    guard streams.isEmpty else { return }
    if hasGuestEnded { guest.close() } else { guest.end() }
  }
}

extension HTTP2Replay: HTTP2EndOwner {
  func received(_ frame: HTTP2Frame, at end: HTTP2End) {
    let id = frame.streamID
    switch frame.payload {
    case .headers(let headers) where id > lastStream:
      lastStream = id
      begin(id, headers)
    case .headers(let headers):
      if headers.endStream, let stream = streams[id] { endRequest(stream) }
    case .data(let data):
      guest.credit(frame.payload.flowControlled, on: data.endStream ? .rootStream : id)
      guard let stream = streams[id] else { return }
      add(data.data, to: stream)
      if data.endStream, streams[id] === stream { endRequest(stream) }
    case .rstStream: drop(id)
    default: break
    }
  }

  /// The guest does not want the rest.
  private func drop(_ id: HTTP2StreamID) {
    if let stream = streams[id] { finish(stream, stream.answer?.summary ?? stream.summary) }
  }

  func readCompleted(at end: HTTP2End) { guest.flush() }

  func streamClosed(_ stream: HTTP2StreamID, _ reason: HTTP2ErrorCode?, at end: HTTP2End) {
    if reason != nil { drop(stream) }
  }

  func inputEnded(at end: HTTP2End) {
    hasGuestEnded = true
    for stream in streams.values where !stream.hasRequestEnded { drop(stream.id) }
    breakOff()
  }

  func failed(at end: HTTP2End) { streams = [:] }

  func closed(_ end: HTTP2End) {
    for stream in streams.values.sorted(by: { $0.id < $1.id }) {
      events.exchange(stream.answer?.summary ?? stream.summary)
    }
    streams = [:]
    events.ended(end.count, 0)
  }

  func becameWritable(_ end: HTTP2End) { end.resume() }

  func mayRead(at end: HTTP2End) -> Bool { end.channel.isWritable }
}
