/// How far an address reaches, as the special-purpose registries of IANA say (RFC 6890).
public enum AddressScope: Sendable {
  /// Anywhere on the Internet.
  case global
  /// A site's own: RFC 1918, shared by a provider (RFC 6598), benchmarks (RFC 2544), unique local (RFC 4193), site-local, and the local
  /// translation prefix (RFC 8215).
  case site
  case loopback
  case linkLocal
  /// Where the machines of a cloud ask for their credentials.
  case metadata
  case multicast
  /// 0.0.0.0/8 and ::, to which Linux connects as to itself.
  case unspecified
  /// 240.0.0.0/4 with the broadcast address.
  case reserved
}

extension IPAddress {
  /// The ranges of special addresses, the narrower first.
  private static let special: [(AddressBlock, AddressScope)] = [
    (AddressBlock("169.254.169.254/32"), .metadata),
    (AddressBlock("169.254.170.2/32"), .metadata),
    (AddressBlock("100.100.100.200/32"), .metadata),
    (AddressBlock("168.63.129.16/32"), .metadata),
    (AddressBlock("0.0.0.0/8"), .unspecified),
    (AddressBlock("127.0.0.0/8"), .loopback),
    (AddressBlock("169.254.0.0/16"), .linkLocal),
    (AddressBlock("224.0.0.0/4"), .multicast),
    (AddressBlock("240.0.0.0/4"), .reserved),
    (AddressBlock("10.0.0.0/8"), .site),
    (AddressBlock("172.16.0.0/12"), .site),
    (AddressBlock("192.168.0.0/16"), .site),
    (AddressBlock("100.64.0.0/10"), .site),
    (AddressBlock("198.18.0.0/15"), .site),
    (AddressBlock("fd00:ec2::254/128"), .metadata),
    (AddressBlock("fd20:ce::254/128"), .metadata),
    (AddressBlock("::/128"), .unspecified),
    (AddressBlock("::1/128"), .loopback),
    (AddressBlock("fe80::/10"), .linkLocal),
    (AddressBlock("ff00::/8"), .multicast),
    (AddressBlock("fc00::/7"), .site),
    (AddressBlock("fec0::/10"), .site),
    (AddressBlock("64:ff9b:1::/48"), .site),
  ]

  /// Judged by the embedded IPv4 address if there is one.
  public var scope: AddressScope { specialRange?.scope ?? .global }

  /// The special range in which the address lies, and how many bits a block must name at least in order to mean it.
  ///
  /// An IPv6 address that embeds a special IPv4 address is meant only by its own 128 bits.
  var specialRange: (scope: AddressScope, length: Int)? {
    if let embeddedIPv4 {
      guard let range = embeddedIPv4.specialRange else { return nil }
      return (range.scope, 128)
    }
    return Self.special.first { $0.0.contains(self) }.map { ($0.1, $0.0.length) }
  }
}
