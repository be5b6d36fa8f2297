extension DNSName {
  /// The name at which the name of an address is asked for: below `in-addr.arpa` (RFC 1035, section 3.5) or `ip6.arpa` (RFC 3596).
  public init(reverseOf address: IPAddress) {
    let labels =
      switch address.family {
      case .ipv4: address.bytes.reversed().map { Array(String($0).utf8) }
      case .ipv6: address.bytes.reversed().flatMap { [[Hexadecimal.digit($0 & 15)], [Hexadecimal.digit($0 >> 4)]] }
      }
    self.init(labels: labels + Self.top(address.family).labels.map { Array($0) })!
  }

  private static func top(_ family: IPAddress.Family) -> DNSName {
    DNSName(family == .ipv4 ? "in-addr.arpa" : "ip6.arpa")!
  }

  /// The address whose name is asked for at this name; nil if it is a name of another kind, or one of a block of addresses.
  public var reversedAddress: IPAddress? {
    let labels = self.labels
    switch labels.count {
    case 6 where isWithin(Self.top(.ipv4)):
      let bytes = labels.prefix(4).reversed().compactMap { DecimalNumber.parse($0, limit: 255) }
      return bytes.count == 4 ? IPAddress(bytes: bytes.map { UInt8($0) }) : nil
    case 34 where isWithin(Self.top(.ipv6)):
      let digits = labels.prefix(32).reversed().compactMap { $0.count == 1 ? Hexadecimal.value($0.first!) : nil }
      guard digits.count == 32 else { return nil }
      return IPAddress(bytes: (0..<16).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] })
    default: return nil
    }
  }
}
