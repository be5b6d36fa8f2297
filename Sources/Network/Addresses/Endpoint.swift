/// An address and a port.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  public let address: IPAddress
  public let port: UInt16

  public init(_ address: IPAddress, port: UInt16) {
    self.address = address
    self.port = port
  }

  /// - Parameter text: `192.0.2.1:443` or `[2001:db8::1]:443`.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")),
      let port = DecimalNumber.parse(bytes[(colon + 1)...], limit: 0xffff)
    else { return nil }
    var host = bytes[..<colon]
    let isBracketed = host.first == UInt8(ascii: "[") && host.last == UInt8(ascii: "]") && host.count > 1
    if isBracketed { host = host.dropFirst().dropLast() }
    guard let address = IPAddress(text: host), (address.family == .ipv6) == isBracketed else { return nil }
    self.init(address, port: UInt16(port))
  }

  public var description: String { address.family == .ipv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
