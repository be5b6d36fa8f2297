/// All addresses of a family that begin with the same bits: CIDR (RFC 4632).
public struct AddressBlock: Hashable, Sendable, CustomStringConvertible {
  /// The first one.
  public let address: IPAddress
  /// The number of bits that are the same: 0 to 32, or to 128.
  public let length: Int

  /// - Returns: nil if there are not that many bits, or the address has others set.
  public init?(_ address: IPAddress, length: Int) {
    guard (0...address.width).contains(length), address.prefix(length) == address else { return nil }
    self.address = address
    self.length = length
  }

  /// One address.
  public init(_ address: IPAddress) {
    self.address = address
    length = address.width
  }

  /// - Parameter text: `10.0.0.0/8`; for what a table of this program holds.
  init(_ text: StaticString) {
    let parts = text.description.split(separator: "/")
    self.init(IPAddress(parts[0])!, length: Int(parts[1])!)!
  }

  /// Whether an address of the same family lies within.
  public func contains(_ other: IPAddress) -> Bool {
    other.family == address.family && other.prefix(length) == address
  }

  public var description: String { "\(address)/\(length)" }
}

extension IPAddress {
  /// The address with all bits cleared but the first `length`.
  func prefix(_ length: Int) -> IPAddress {
    func kept(_ count: Int) -> UInt64 { count <= 0 ? 0 : count >= 64 ? ~0 : ~(~0 >> UInt64(count)) }
    return switch family {
    case .ipv4: IPAddress(ipv4: UInt32(low & kept(length + 32)))
    case .ipv6: IPAddress(ipv6High: high & kept(length), low: low & kept(length - 64))
    }
  }
}
