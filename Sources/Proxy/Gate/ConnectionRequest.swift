import Network

/// The first packet of a TCP connection, as it came from the guest: SYN without ACK.
public struct ConnectionRequest: Sendable {
  public let guest: Endpoint
  public let target: Endpoint
  /// The network header, and as much of TCP's as an ICMP error quotes (RFC 792): ports and sequence number.
  let quoted: [UInt8]
  let sequence: UInt32

  public var isIPv6: Bool { target.address.bytes.count == 16 }

  /// - Parameter packet: from its network header; what the socket's filter lets through is looked at again.
  /// - Returns: nil for what is no such packet.
  public init?(packet: [UInt8]) {
    guard let version = packet.first.map({ $0 >> 4 }) else { return nil }
    let header = version == 6 ? 40 : Int(packet[0] & 15) * 4
    let addresses = version == 6 ? 8 : 12
    let length = version == 6 ? 16 : 4
    guard version == 4 || version == 6, header >= addresses + 2 * length, packet.count >= header + 20,
      packet[version == 6 ? 6 : 9] == 6, packet[header + 13] & 0x12 == 0x02
    else { return nil }
    func number(_ place: Int) -> UInt16 { UInt16(packet[place]) << 8 | UInt16(packet[place + 1]) }
    guard let source = IPAddress(bytes: Array(packet[addresses..<addresses + length])),
      let destination = IPAddress(bytes: Array(packet[addresses + length..<addresses + 2 * length]))
    else { return nil }
    guest = Endpoint(source, port: number(header))
    target = Endpoint(destination, port: number(header + 2))
    sequence = UInt32(number(header + 4)) << 16 | UInt32(number(header + 6))
    quoted = Array(packet[..<(header + 8)])
  }
}
