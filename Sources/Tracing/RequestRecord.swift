/// What a `request` event tells: a request and its answer.
///
/// As bytes: five little-endian numbers of 8 bytes (status, bytes out, bytes in, nanoseconds, and 1 if it was broken off and twice its age), the method, a NUL
/// and the URL.
public struct RequestRecord: Sendable, Equatable {
  public var method: String
  /// Without credentials.
  public var url: String
  /// 0 if there was no answer.
  public var status: Int
  /// Of the request's body.
  public var sent: UInt64
  /// Of the answer's body.
  public var received: UInt64
  /// Nanoseconds from the request's first line to the answer's last byte.
  public var duration: UInt64
  /// Nanoseconds from the answer's last byte to the event: several are told of at once.
  public var age: UInt64
  public var isBrokenOff: Bool

  static let numbers = 5
  /// Of the URL; the whole of it is in the record of the request itself.
  private static let longest = 4096

  public init(
    method: String, url: String, status: Int, sent: UInt64, received: UInt64, duration: UInt64, age: UInt64 = 0,
    isBrokenOff: Bool
  ) {
    self.method = method
    self.url =
      url.utf8.count <= Self.longest ? url : String(decoding: url.utf8.prefix(Self.longest), as: UTF8.self) + "…"
    self.status = status
    self.sent = sent
    self.received = received
    self.duration = duration
    self.age = age
    self.isBrokenOff = isBrokenOff
  }

  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    for number in [UInt64(clamping: status), sent, received, duration, age << 1 | (isBrokenOff ? 1 : 0)] {
      for place in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * place))) }
    }
    return bytes + Array(method.utf8) + [0] + Array(url.utf8)
  }

  /// nil for what is none.
  public init?(_ bytes: UnsafeBufferPointer<UInt8>) {
    let texts = bytes.dropFirst(8 * Self.numbers)
    guard let zero = texts.firstIndex(of: 0), !texts[(zero + 1)...].contains(0) else { return nil }
    func number(_ index: Int) -> UInt64 {
      bytes[8 * index..<8 * index + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    method = String(decoding: texts[..<zero], as: UTF8.self)
    url = String(decoding: texts[(zero + 1)...], as: UTF8.self)
    status = Int(clamping: number(0))
    (sent, received, duration) = (number(1), number(2), number(3))
    (age, isBrokenOff) = (number(4) >> 1, number(4) & 1 != 0)
  }

  /// `GET https://example.org/ 200, 0 bytes out, 12 in`
  public var text: String {
    "\(method) \(url) \(status), \(sent) bytes out, \(received) in\(isBrokenOff ? ", broken off" : "")"
  }
}
