/// An IPv4 or IPv6 address, without a port and without a zone.
///
/// An IPv4 address and the IPv6 address that maps it (`::ffff:a.b.c.d`) are two different values; see ``unmapped``.
public struct IPAddress: Hashable, Sendable {
  public enum Family: UInt8, Sendable {
    case ipv4 = 4
    case ipv6 = 6
  }

  /// What `bytes` has: four of them or sixteen.
  public let family: Family
  /// The first eight bytes of an IPv6 address as a number, 0 for IPv4.
  let high: UInt64
  /// The last eight bytes of an IPv6 address as a number, or the four of an IPv4 address.
  let low: UInt64

  /// - Parameter ipv4: the address as a number: 0x7f000001 is 127.0.0.1.
  public init(ipv4: UInt32) {
    family = .ipv4
    high = 0
    low = UInt64(ipv4)
  }

  /// - Parameters:
  ///   - high: the first eight bytes of an IPv6 address as a number.
  ///   - low: the last eight bytes.
  public init(ipv6High high: UInt64, low: UInt64) {
    family = .ipv6
    self.high = high
    self.low = low
  }

  /// - Parameter bytes: in network order: four of an IPv4 address, sixteen of an IPv6 address; any other number gives nil.
  public init?(bytes: some Collection<UInt8>) {
    switch bytes.count {
    case 4: self.init(ipv4: bytes.reduce(0) { $0 << 8 | UInt32($1) })
    case 16:
      self.init(
        ipv6High: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
        low: bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
    default: return nil
    }
  }

  /// The four or sixteen bytes in network order.
  public var bytes: [UInt8] {
    switch family {
    case .ipv4: Self.bytes(low).suffix(4)
    case .ipv6: Self.bytes(high) + Self.bytes(low)
    }
  }

  private static func bytes(_ number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
  }

  /// The number of bits: 32 or 128.
  public var width: Int { family == .ipv4 ? 32 : 128 }

  /// The number of an IPv4 address, or nil.
  public var ipv4: UInt32? { family == .ipv4 ? UInt32(low) : nil }

  /// 127.0.0.1.
  public static let loopback4 = IPAddress(ipv4: 0x7f00_0001)
  /// ::1.
  public static let loopback6 = IPAddress(ipv6High: 0, low: 1)

  /// The IPv4 address if this is `::ffff:a.b.c.d`, which a dual-stack socket shows for it, or else the same.
  public var unmapped: IPAddress {
    family == .ipv6 && high == 0 && low >> 32 == 0xffff ? IPAddress(ipv4: UInt32(truncatingIfNeeded: low)) : self
  }

  /// The IPv4 address to which a packet for this IPv6 address goes in the end, where the form of the address says so: mapped
  /// (`::ffff:0:0/96`), compatible (`::/96`), translated (`::ffff:0:0:0/96` of RFC 2765, `64:ff9b::/96` of RFC 6052), 6to4
  /// (`2002::/16`, RFC 3056), and Teredo's client (`2001::/32`, RFC 4380, where it is inverted).
  public var embeddedIPv4: IPAddress? {
    guard family == .ipv6 else { return nil }
    let last = UInt32(truncatingIfNeeded: low)
    switch (high, low >> 32) {
    case (0, 0xffff), (0, 0xffff_0000), (0x0064_ff9b_0000_0000, 0): return IPAddress(ipv4: last)
    // Not the unspecified and the loopback address.
    case (0, 0): return last > 1 ? IPAddress(ipv4: last) : nil
    default: break
    }
    if high >> 48 == 0x2002 { return IPAddress(ipv4: UInt32(truncatingIfNeeded: high >> 16)) }
    return high >> 32 == 0x2001_0000 ? IPAddress(ipv4: ~last) : nil
  }
}
