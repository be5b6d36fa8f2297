/// Which family of protocols a record belongs to.
public struct DNSClass: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The Internet, the only one in use.
  public static let internet = DNSClass(rawValue: 1)
}
