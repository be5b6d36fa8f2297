import NIOCore
import NIOHPACK
import NIOHTTP2
import SystemPackage
import Tracing

/// A recorded answer that is being given on a stream of HTTP/2, part by part.
final class HTTP2Answer {
  enum Part {
    case headers(HPACKHeaders, isLast: Bool)
    case data(ByteBuffer, isLast: Bool)
    /// It was ended by RST_STREAM.
    case reset(HTTP2ErrorCode)
    /// It broke off here with its connection.
    case brokeOff
  }

  private enum State {
    case interim, head, body, over
  }

  private static let partSize = 1 << 16

  private let response: ExchangeReader.Response
  private let meta: ExchangeMeta
  private var state = State.interim
  private var interim: ArraySlice<RecordedHead>
  private var rest: Int
  private(set) var summary: HTTPExchange
  /// Bytes of the body that may be given; nil for all of the answer.
  var allowed: Int?

  init(_ response: ExchangeReader.Response, _ meta: ExchangeMeta, _ summary: HTTPExchange, allowed: Int?) {
    self.response = response
    self.meta = meta
    self.summary = summary
    self.summary.status = response.head.head.status
    self.allowed = allowed
    interim = response.interim[...]
    rest = response.size
  }

  private var isBroken: Bool { meta.state == .aborted }
  private var hasTrailers: Bool { !response.head.trailers.isEmpty }
  /// What comes next ends the stream, if there is no more of the body.
  private var endsWithBody: Bool { rest == 0 && allowed == nil && !isBroken && !hasTrailers }

  /// - Returns: the next part; nil after the last, or if no more is allowed.
  func next() throws(Errno) -> Part? {
    switch state {
    case .interim:
      guard let head = interim.popFirst() else {
        state = .head
        return try next()
      }
      return .headers(HTTP2Head.headers(ofResponse: head.head), isLast: false)
    case .head:
      state = endsWithBody ? .over : .body
      return .headers(HTTP2Head.headers(ofResponse: response.head.head), isLast: endsWithBody)
    case .body where rest > 0:
      let given = Int(clamping: summary.responseBytes)
      let count = min(rest, Self.partSize, allowed.map { max(0, $0 - given) } ?? rest)
      guard count > 0 else { return nil }
      // No more than it had when it was measured, whatever the file is by now.
      let part = try response.body?.read(count) ?? []
      if part.isEmpty { throw .ioError }
      rest -= part.count
      summary.responseBytes += UInt64(part.count)
      if endsWithBody { state = .over }
      return .data(ByteBuffer(bytes: part), isLast: endsWithBody)
    case .body:
      guard allowed == nil else { return nil }
      state = .over
      if isBroken { return meta.reset.map { .reset(HTTP2ErrorCode(networkCode: Int($0))) } ?? .brokeOff }
      guard hasTrailers else { return .data(ByteBuffer(), isLast: true) }
      return .headers(HTTP2Head.headers(ofTrailers: response.head.trailers), isLast: true)
    case .over: return nil
    }
  }

  /// All of it was given.
  var isOver: Bool { state == .over }
  var isComplete: Bool { !isBroken }
  /// How the server has told the guest that the rest of its request is not wanted.
  var lateReset: HTTP2ErrorCode? { isBroken ? nil : meta.reset.map { HTTP2ErrorCode(networkCode: Int($0)) } }
}
