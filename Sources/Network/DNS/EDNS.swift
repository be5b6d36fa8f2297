/// What a message's OPT record says (RFC 6891).
public struct EDNS: Hashable, Sendable {
  /// The bytes of the longest message that the sender takes by UDP.
  public var payloadSize: UInt16
  public var version: UInt8
  /// The first of them is DO (RFC 3225).
  public var flags: UInt16
  /// The options as they stand in the record: for each a number, a length, and as many bytes.
  public var options: [UInt8]

  public init(payloadSize: UInt16, version: UInt8 = 0, flags: UInt16 = 0, options: [UInt8] = []) {
    self.payloadSize = payloadSize
    self.version = version
    self.flags = flags
    self.options = options
  }

  /// Without options.
  static let shortest = 11

  /// Whether the options end where their record does.
  static func areWhole(_ options: ArraySlice<UInt8>) -> Bool {
    var rest = options
    while !rest.isEmpty {
      guard rest.count >= 4 else { return false }
      let length = 4 + Int(rest[rest.startIndex + 2]) << 8 + Int(rest[rest.startIndex + 3])
      guard rest.count >= length else { return false }
      rest = rest.dropFirst(length)
    }
    return true
  }
}
