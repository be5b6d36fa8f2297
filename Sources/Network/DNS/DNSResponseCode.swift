/// How a question went: RCODE of RFC 1035, section 4.1.1, with the eight bits that RFC 6891 puts before it.
public struct DNSResponseCode: RawRepresentable, Hashable, Sendable {
  /// 12 bits.
  public let rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue & 0xfff }

  public static let noError = DNSResponseCode(rawValue: 0)
  public static let formatError = DNSResponseCode(rawValue: 1)
  public static let serverFailure = DNSResponseCode(rawValue: 2)
  /// NXDOMAIN.
  public static let nameError = DNSResponseCode(rawValue: 3)
  public static let notImplemented = DNSResponseCode(rawValue: 4)
  public static let refused = DNSResponseCode(rawValue: 5)
  /// BADVERS: an EDNS version that the server does not have.
  public static let badVersion = DNSResponseCode(rawValue: 16)
}
