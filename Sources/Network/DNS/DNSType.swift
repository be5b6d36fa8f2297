/// What kind of record a record is, or a question asks for; the numbers are IANA's.
public struct DNSType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static let a = DNSType(rawValue: 1)
  public static let ns = DNSType(rawValue: 2)
  public static let cname = DNSType(rawValue: 5)
  public static let soa = DNSType(rawValue: 6)
  public static let ptr = DNSType(rawValue: 12)
  public static let hinfo = DNSType(rawValue: 13)
  public static let mx = DNSType(rawValue: 15)
  public static let txt = DNSType(rawValue: 16)
  public static let aaaa = DNSType(rawValue: 28)
  public static let srv = DNSType(rawValue: 33)
  public static let naptr = DNSType(rawValue: 35)
  public static let dname = DNSType(rawValue: 39)
  public static let opt = DNSType(rawValue: 41)
  /// RFC 9460.
  public static let svcb = DNSType(rawValue: 64)
  /// RFC 9460.
  public static let https = DNSType(rawValue: 65)
  public static let ixfr = DNSType(rawValue: 251)
  public static let axfr = DNSType(rawValue: 252)
  public static let any = DNSType(rawValue: 255)
  public static let caa = DNSType(rawValue: 257)

  private static let names: [DNSType: String] = [
    .a: "A", .ns: "NS", .cname: "CNAME", .soa: "SOA", .ptr: "PTR", .hinfo: "HINFO", .mx: "MX", .txt: "TXT",
    .aaaa: "AAAA", .srv: "SRV", .naptr: "NAPTR", .dname: "DNAME", .opt: "OPT", .svcb: "SVCB", .https: "HTTPS",
    .ixfr: "IXFR", .axfr: "AXFR", .any: "ANY", .caa: "CAA",
  ]

  private static let types = Dictionary(uniqueKeysWithValues: names.map { ($1, $0) })

  /// The name, or `TYPE123` where this list has none (RFC 3597).
  public var description: String { Self.names[self] ?? "TYPE\(rawValue)" }

  /// - Parameter name: as `description` gives it.
  public init?(name: String) {
    if let type = Self.types[name] {
      self = type
    } else {
      guard name.hasPrefix("TYPE"), let number = DecimalNumber.parse(name.utf8.dropFirst(4), limit: 0xffff) else {
        return nil
      }
      self.init(rawValue: UInt16(number))
    }
  }
}
