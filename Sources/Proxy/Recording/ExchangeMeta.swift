/// What a recorded exchange's `meta` holds (``ExchangeStore``).
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

  /// The most that a `meta` may take.
  static let longest = 4096

  private static let longestNumber = 20

  var bytes: [UInt8] {
    let lines =
      [
        ("scheme", scheme), ("port", "\(port)"), ("connection", "\(connection)"), ("process", "\(process)"),
        ("order", "\(order)"), ("started", "\(started)"), ("ended", "\(ended)"), ("request-digest", requestDigest),
        ("state", state.rawValue),
      ] + (reset.map { [("reset", "\($0)")] } ?? [])
    return Array(lines.map { "\($0)\t\($1)\n" }.joined().utf8)
  }

  /// - Throws: what is wrong with a `meta`: each key stands in it once. Other keys count for nothing.
  init(parsing bytes: [UInt8]) throws(ExchangeFormatError) {
    guard bytes.count <= Self.longest, bytes.last == 0x0a else { throw ExchangeFormatError("meta has no end") }
    var values: [String: String] = [:]
    for line in bytes.dropLast().split(separator: 0x0a, omittingEmptySubsequences: false) {
      guard let tab = line.firstIndex(of: 0x09) else { throw ExchangeFormatError("a line of meta has no tab") }
      let key = String(decoding: line[..<tab], as: UTF8.self)
      guard values.updateValue(String(decoding: line[(tab + 1)...], as: UTF8.self), forKey: key) == nil else {
        throw ExchangeFormatError("meta has a key twice")
      }
    }
    func number<Number: FixedWidthInteger>(_ key: String) throws(ExchangeFormatError) -> Number {
      guard let text = values[key], text.utf8.count <= Self.longestNumber,
        text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Number(text)
      else { throw ExchangeFormatError("meta has no \(key)") }
      return number
    }
    guard let scheme = values["scheme"], ["http", "https"].contains(scheme) else {
      throw ExchangeFormatError("meta has no scheme")
    }
    self.scheme = scheme
    port = try number("port")
    connection = try number("connection")
    process = try number("process")
    order = try number("order")
    started = try number("started")
    ended = try number("ended")
    guard let digest = values["request-digest"], digest.utf8.count == 64,
      digest.utf8.allSatisfy({ HTTPToken.hexadecimal([$0]) != nil })
    else { throw ExchangeFormatError("meta has no request-digest") }
    requestDigest = digest
    guard let state = values["state"].flatMap(State.init) else { throw ExchangeFormatError("meta has no state") }
    self.state = state
    reset = values["reset"] == nil ? nil : try number("reset")
  }
}
