import CGuest
import CLinux
import Glibc
import Network
import SystemPackage
import VirtualKernel

/// What the virtual kernel tells of the guest's connections: guest init and the proxy hear of it before the guest's call goes on.
///
/// Every member is used under the virtual kernel's lock.
final class NetworkLink: GuestNetwork {
  private let channel: InitChannel
  private let control: FileDescriptor
  /// Ports for which guest init has made a listener, a bit each.
  private var ports = [UInt64](repeating: 0, count: 1024)

  init(_ channel: InitChannel, control: FileDescriptor) {
    self.channel = channel
    self.control = control
  }

  func willDial(_ process: UInt32, _ address: [UInt8], isStream: Bool) {
    guard let endpoint = Endpoint(socketAddress: address), endpoint.port != 0, !Self.isGuests(endpoint.address) else {
      return
    }
    // Names are asked for at sockets that are there from the start; other datagrams are refused.
    if endpoint.port != 53 {
      guard isStream else { return }
      listen(Int(endpoint.port))
    }
    let message = ControlMessage.dialling(process: process, endpoint).bytes
    // Without room the connection is nobody's in the record.
    _ = send(control.rawValue, message, message.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
  }

  private func listen(_ port: Int) {
    guard ports[port >> 6] & 1 << (port & 63) == 0 else { return }
    // Where it fails the guest's request is refused.
    do throws(Errno) { _ = try channel.request(UWRX_NETWORK_LISTEN, value: Int32(port)) } catch { return }
    ports[port >> 6] |= 1 << (port & 63)
  }

  /// What guest init has left to the guest's own namespace (network.c).
  private static func isGuests(_ address: IPAddress) -> Bool {
    let bytes = address.bytes
    let ipv4 = bytes.count == 4 ? bytes : bytes.starts(with: mapped) ? Array(bytes.suffix(4)) : nil
    guard let ipv4 else { return bytes.dropLast().allSatisfy { $0 == 0 } || bytes == own }
    return ipv4.starts(with: [127, 0, 0]) || ipv4.starts(with: [127, 255, 255]) || ipv4 == [10, 0, 2, 15]
      || ipv4 == [0, 0, 0, 0]
  }

  private static let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
  private static let own: [UInt8] = [0xfd, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x15]
}

extension Endpoint {
  /// nil for an address of another family, or one that is too short.
  init?(socketAddress bytes: [UInt8]) {
    guard bytes.count >= 8 else { return nil }
    let port = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    let address: IPAddress?
    switch Int32(UInt16(bytes[0]) | UInt16(bytes[1]) << 8) {
    case AF_INET: address = IPAddress(bytes: Array(bytes[4..<8]))
    case AF_INET6 where bytes.count >= 24: address = IPAddress(bytes: Array(bytes[8..<24]))
    default: return nil
    }
    guard let address else { return nil }
    self.init(address, port: port)
  }
}
