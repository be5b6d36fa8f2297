/// The addresses by which a guest reaches a domain.
public struct DomainAddresses: Hashable, Sendable {
  /// Nil for a domain that is an IPv6 address.
  public let ipv4: IPAddress?
  /// Nil for a domain that is an IPv4 address.
  public let ipv6: IPAddress?

  init(ipv4: IPAddress?, ipv6: IPAddress?) {
    self.ipv4 = ipv4
    self.ipv6 = ipv6
  }

  /// What `ip4.txt` of the domain's directory holds: the address and a newline.
  public var ipv4File: [UInt8]? { ipv4.map(Self.file) }
  /// What `ip6.txt` of the domain's directory holds.
  public var ipv6File: [UInt8]? { ipv6.map(Self.file) }

  private static func file(_ address: IPAddress) -> [UInt8] { Array("\(address)\n".utf8) }

  /// - Parameter file: what `ipv4File` or `ipv6File` made.
  /// - Returns: nil for anything else.
  public static func address(file: [UInt8]) -> IPAddress? {
    guard file.last == 0x0a, let address = IPAddress(text: file.dropLast()), Self.file(address) == file else {
      return nil
    }
    return address
  }
}
