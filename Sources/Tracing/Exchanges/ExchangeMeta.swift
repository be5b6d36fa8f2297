/// What is known of a recorded exchange beside its messages (``ExchangeRecord``).
public struct ExchangeMeta: Hashable, Sendable {
  public enum State: String, Sendable {
    case complete, aborted
  }

  /// `http` or `https`.
  public var scheme = "http"
  public var port: UInt16 = 0
  /// The number of the connection, as the trace's events have it.
  public var connection: UInt32 = 0
  /// The process that asked for the connection; 0 if that is not known.
  public var process: UInt32 = 0
  /// Of the exchanges of a run, over all domains, this came as the n-th.
  public var order: UInt64 = 0
  /// Nanoseconds of CLOCK_REALTIME: when the request's head had come.
  public var started: UInt64 = 0
  /// When the last byte of the answer had come, or the connection ended.
  public var ended: UInt64 = 0
  /// SHA-256 of the request's body.
  public var requestDigest = ""
  public var state = State.complete
  /// The code of the RST_STREAM that ended a stream of HTTP/2.
  public var reset: UInt32?

  public init() {}

  /// Lines of a key, a tab and a value.
  package func append(to bytes: inout [UInt8]) {
    ExchangeRecord.append("scheme", Array(scheme.utf8), to: &bytes)
    ExchangeRecord.append("port", UInt64(port), to: &bytes)
    ExchangeRecord.append("connection", UInt64(connection), to: &bytes)
    ExchangeRecord.append("process", UInt64(process), to: &bytes)
    ExchangeRecord.append("order", order, to: &bytes)
    ExchangeRecord.append("started", started, to: &bytes)
    ExchangeRecord.append("ended", ended, to: &bytes)
    ExchangeRecord.append("request-digest", Array(requestDigest.utf8), to: &bytes)
    ExchangeRecord.append("state", Array(state.rawValue.utf8), to: &bytes)
    if let reset { ExchangeRecord.append("reset", UInt64(reset), to: &bytes) }
  }

  /// - Parameter values: of the keys; others count for nothing.
  /// - Throws: what is missing or wrong.
  package init(_ values: [String: String]) throws(ExchangeFormatError) {
    func number<Number: FixedWidthInteger>(_ key: String) throws(ExchangeFormatError) -> Number {
      guard let text = values[key], let number: Number = ExchangeRecord.number(text) else {
        throw ExchangeFormatError("it has no \(key)")
      }
      return number
    }
    guard let scheme = values["scheme"], ["http", "https"].contains(scheme) else {
      throw ExchangeFormatError("it has no scheme")
    }
    self.scheme = scheme
    port = try number("port")
    connection = try number("connection")
    process = try number("process")
    order = try number("order")
    started = try number("started")
    ended = try number("ended")
    guard let digest = values["request-digest"], digest.utf8.count == 64,
      digest.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0 | 0x20) })
    else { throw ExchangeFormatError("it has no request-digest") }
    requestDigest = digest
    guard let state = values["state"].flatMap(State.init) else { throw ExchangeFormatError("it has no state") }
    self.state = state
    reset = values["reset"] == nil ? nil : try number("reset")
  }
}
