import Network

/// How a connection request is turned down, as the guest is to see it.
public enum Refusal: Sendable {
  /// ENETUNREACH: nothing lets it through.
  case networkUnreachable
  /// EHOSTUNREACH
  case hostUnreachable
  /// ECONNREFUSED
  case reset

  /// The packet that says so, from its network header.
  func packet(for request: ConnectionRequest) -> [UInt8] {
    switch self {
    case .reset:
      return Self.networkHeader(request, from: request.target.address, protocolNumber: 6) { Self.resetSegment(request) }
    case .networkUnreachable, .hostUnreachable:
      // RFC 792, type 3; RFC 4443, type 1: no route, or the address cannot be reached.
      let isNetwork = if case .networkUnreachable = self { true } else { false }
      let head: [UInt8] = request.isIPv6 ? [1, isNetwork ? 0 : 3] : [3, isNetwork ? 0 : 1]
      let message = head + [0, 0, 0, 0, 0, 0] + request.quoted
      return Self.networkHeader(request, from: Self.gateway(request), protocolNumber: request.isIPv6 ? 58 : 1) {
        message
      }
    }
  }

  /// Who answers for networks that cannot be reached.
  private static func gateway(_ request: ConnectionRequest) -> IPAddress {
    IPAddress(bytes: request.isIPv6 ? [0xfd, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2] : [10, 0, 2, 2])!
  }

  /// RFC 9293, 3.5.2: a reset for a segment without ACK acknowledges it.
  private static func resetSegment(_ request: ConnectionRequest) -> [UInt8] {
    let acknowledged = request.sequence &+ 1
    return bytes(request.target.port) + bytes(request.guest.port) + [0, 0, 0, 0] + bytes(UInt16(acknowledged >> 16))
      + bytes(UInt16(truncatingIfNeeded: acknowledged)) + [5 << 4, 0x14, 0, 0, 0, 0, 0, 0]
  }

  private static func bytes(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)] }

  private static func networkHeader(
    _ request: ConnectionRequest, from source: IPAddress, protocolNumber: UInt8, _ payload: () -> [UInt8]
  ) -> [UInt8] {
    var payload = payload()
    let own = source.bytes
    let peer = request.guest.address.bytes
    // TCP and ICMPv6 count the addresses, too (RFC 9293, 3.1; RFC 8200, 8.1).
    let pseudo = own + peer + [0, 0] + bytes(UInt16(payload.count)) + [0, protocolNumber]
    let place = protocolNumber == 6 ? 16 : 2
    let sum = bytes(checksum(protocolNumber == 1 ? payload : pseudo + payload))
    payload.replaceSubrange(place..<place + 2, with: sum)
    if request.isIPv6 {
      return [6 << 4, 0, 0, 0] + bytes(UInt16(payload.count)) + [protocolNumber, 64] + own + peer + payload
    }
    var header =
      [4 << 4 | 5, 0] + bytes(UInt16(20 + payload.count)) + [0, 0, 0x40, 0, 64, protocolNumber, 0, 0] + own + peer
    header.replaceSubrange(10..<12, with: bytes(checksum(header)))
    return header + payload
  }

  /// RFC 1071
  private static func checksum(_ bytes: [UInt8]) -> UInt16 {
    var sum = stride(from: 0, to: bytes.count, by: 2).reduce(UInt32(0)) {
      $0 + (UInt32(bytes[$1]) << 8 | ($1 + 1 < bytes.count ? UInt32(bytes[$1 + 1]) : 0))
    }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    return ~UInt16(sum)
  }
}
