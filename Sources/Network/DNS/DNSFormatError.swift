/// Bytes that are no DNS message.
public struct DNSFormatError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong.
  public let reason: String
  /// Where, in bytes from the start of the message.
  public let offset: Int

  init(_ reason: StaticString, at offset: Int) {
    self.reason = reason.description
    self.offset = offset
  }

  public var description: String { "\(reason) at byte \(offset)" }
}
