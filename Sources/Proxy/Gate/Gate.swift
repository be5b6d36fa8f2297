import CLinux
import Glibc
import Network
import Synchronization
import SystemPackage

/// Where the guest's connections come in: each stays pending until it is known how the other side answers, and then is answered so.
public final class Gate: Sendable {
  /// Called on the gate's thread, once for each connection that the guest asks for.
  public typealias Handler = @Sendable (ConnectionRequest) -> Void

  private struct Key: Hashable {
    let guest: Endpoint
    let target: Endpoint
  }

  public let sockets: GuestSockets
  private let pending = Mutex<Set<Key>>([])

  /// Connections that may wait at a time; requests beyond are as if lost, and come again.
  private static let mostPending = 1 << 16
  /// Milliseconds. Both ends are this machine's.
  private static let patience: Int32 = 5_000

  public init(_ sockets: GuestSockets) { self.sockets = sockets }

  /// Looks at what has come. Does not wait.
  public func receive(_ handler: Handler) {
    for family in [sockets.ipv4, sockets.ipv6].compactMap({ $0 }) {
      var buffer = [UInt8](repeating: 0, count: 256)
      while true {
        let count = recv(family.requests.rawValue, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        guard count > 0 else { break }
        guard let request = ConnectionRequest(packet: Array(buffer[..<count])), request.target.port != Self.namePort
        else { continue }
        // The kernel asks again after a second.
        let isNew = pending.withLock {
          $0.count < Self.mostPending && $0.insert(Key(guest: request.guest, target: request.target)).inserted
        }
        if isNew { handler(request) }
      }
    }
  }

  /// Names are asked for there, of sockets that the kernel connects.
  private static let namePort: UInt16 = 53

  /// Lets the guest's connect(2) succeed.
  /// - Returns: the other end of its connection.
  /// - Throws: where the guest has given up meanwhile.
  public func accept(_ request: ConnectionRequest) throws(Errno) -> FileDescriptor {
    defer { forget(request) }
    return try connect(.outside(isIPv6: request.isIPv6), from: request.target, to: request.guest)
  }

  /// A connection to a server of the guest's, wherever it listens.
  /// - Throws: `.connectionRefused` where none does.
  public func connect(toGuest port: UInt16) throws(Errno) -> FileDescriptor {
    try connect(.inside, from: Endpoint(IPAddress(ipv4: 0), port: 0), to: Endpoint(.loopback4, port: port))
  }

  private func connect(
    _ place: GuestSockets.Place, from own: Endpoint, to peer: Endpoint
  ) throws(Errno) -> FileDescriptor {
    let socket = try sockets.take(place)
    do throws(Errno) {
      let address = own.address.bytes
      let result = uwrx_connect_from(
        socket.rawValue, address.count, address, own.port, peer.address.bytes, peer.port)
      guard result == 0 else { throw Errno(rawValue: Int32(-result)) }
      try waitForConnection(socket)
      return socket
    } catch {
      Glibc.close(socket.rawValue)
      throw error
    }
  }

  private func waitForConnection(_ socket: FileDescriptor) throws(Errno) {
    var ready = pollfd(fd: socket.rawValue, events: Int16(POLLOUT), revents: 0)
    guard poll(&ready, 1, Self.patience) > 0 else { throw .timedOut }
    var error: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(socket.rawValue, SOL_SOCKET, SO_ERROR, &error, &size)
    if error != 0 { throw Errno(rawValue: error) }
  }

  public func refuse(_ request: ConnectionRequest, _ refusal: Refusal) {
    let packet = refusal.packet(for: request)
    let family = request.isIPv6 ? sockets.ipv6 : sockets.ipv4
    forget(request)
    guard let socket = family?.requests.rawValue else { return }
    _ = uwrx_send_packet(socket, sockets.interface, request.isIPv6 ? 1 : 0, Self.guestHardware, packet, packet.count)
  }

  /// As guest init has made the interface.
  private static let guestHardware: [UInt8] = [2, 0x75, 0x77, 0x72, 0x78, 15]

  /// How many wait.
  var count: Int { pending.withLock { $0.count } }

  /// Of a request that gets no answer: when it comes again it is a new one.
  func forget(_ request: ConnectionRequest) {
    pending.withLock { _ = $0.remove(Key(guest: request.guest, target: request.target)) }
  }
}
