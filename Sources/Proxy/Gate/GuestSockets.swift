import CGuest
import CLinux
import Glibc
import Synchronization
import SystemPackage

/// The sockets of the second network, which guest init makes: the proxy is in the host's.
public final class GuestSockets: Sendable {
  /// Of one family of addresses.
  public struct Family: Sendable {
    /// A packet socket that sees connection requests.
    public let requests: FileDescriptor
    /// Port 53 of every address.
    public let datagrams: FileDescriptor
    public let nameConnections: FileDescriptor
  }

  /// Where a socket is.
  public enum Place: Sendable {
    /// The second network, of either family.
    case outside(isIPv6: Bool)
    /// The guest's own, of IPv4.
    case inside
  }

  private struct Spare {
    var ipv4: [FileDescriptor] = []
    var ipv6: [FileDescriptor] = []
    var inside: [FileDescriptor] = []
  }

  /// What guest init has handed over.
  public struct Given: Sendable {
    fileprivate let interface: Int32
    fileprivate let ipv4: Family
    fileprivate let ipv6: Family?
    /// An answer that nobody has waited for is told from the next one.
    fileprivate let serials = SharedNumber()
  }

  private let channel: FileDescriptor
  /// Of the second network: whose other end is the guest's.
  public let interface: Int32
  public let ipv4: Family
  public let ipv6: Family?
  private let spare = Mutex(Spare())
  private let serials: SharedNumber

  /// Milliseconds for an answer of guest init's, which waits for nothing but its other work.
  private static let patience: Int32 = 10_000

  /// Waits for what guest init hands over.
  /// - Throws: `.connectionReset` if it has ended before.
  public static func wait(for channel: FileDescriptor) throws(Errno) -> Given {
    let (header, descriptors) = try receive(channel)
    guard header.operation == UWRX_NETWORK_READY.rawValue, descriptors.count == 3 || descriptors.count == 6 else {
      throw .connectionReset
    }
    func family(_ place: Int) -> Family {
      Family(requests: descriptors[place], datagrams: descriptors[place + 1], nameConnections: descriptors[place + 2])
    }
    return Given(
      interface: header.value, ipv4: family(0), ipv6: descriptors.count == 6 ? family(3) : nil)
  }

  public init(_ given: Given, channel: FileDescriptor) {
    self.channel = channel
    interface = given.interface
    ipv4 = given.ipv4
    ipv6 = given.ipv6
    serials = given.serials
  }

  /// An unbound socket of TCP, which does not wait.
  /// - Throws: what guest init says; `.tooManyOpenFiles` where it could make none.
  public func take(_ place: Place) throws(Errno) -> FileDescriptor {
    let result: Result<FileDescriptor, Errno> = spare.withLock { spare in
      let list =
        switch place {
        case .outside(let isIPv6): isIPv6 ? \Spare.ipv6 : \Spare.ipv4
        case .inside: \Spare.inside
        }
      if let socket = spare[keyPath: list].popLast() { return .success(socket) }
      do throws(Errno) {
        spare[keyPath: list] = try request(place, serial: serials.next())
      } catch { return .failure(error) }
      return spare[keyPath: list].popLast().map { .success($0) } ?? .failure(.tooManyOpenFiles)
    }
    return try result.get()
  }

  private func request(_ place: Place, serial: UInt64) throws(Errno) -> [FileDescriptor] {
    var header = uwrx_message()
    header.operation = UWRX_NETWORK_SOCKETS.rawValue
    header.value = UWRX_NETWORK_MOST_SOCKETS
    switch place {
    case .outside(let isIPv6): header.device = isIPv6 ? 6 : 4
    case .inside: (header.device, header.inode) = (4, 1)
    }
    header.serial = serial
    guard send(channel.rawValue, &header, MemoryLayout<uwrx_message>.size, Int32(MSG_NOSIGNAL)) >= 0 else {
      throw Errno(rawValue: uwrx_errno())
    }
    while true {
      var ready = pollfd(fd: channel.rawValue, events: Int16(POLLIN), revents: 0)
      guard poll(&ready, 1, Self.patience) > 0 else { throw .timedOut }
      let (answer, sockets) = try Self.receive(channel)
      if answer.operation == UWRX_NETWORK_SOCKETS.rawValue, answer.serial == serial { return sockets }
      for socket in sockets { Glibc.close(socket.rawValue) }
    }
  }

  private static func receive(_ channel: FileDescriptor) throws(Errno) -> (uwrx_message, [FileDescriptor]) {
    // A message is a header and, from guest init, an empty text.
    var bytes = [UInt8](repeating: 0, count: MemoryLayout<uwrx_message>.size + 8)
    var descriptors = [Int32](repeating: -1, count: 8)
    var count: Int32 = 0
    var sender: Int32 = 0
    let length = uwrx_receive_message(channel.rawValue, &bytes, bytes.count, &descriptors, 8, &count, &sender)
    guard length >= 0 else { throw Errno(rawValue: Int32(-length)) }
    guard length >= MemoryLayout<uwrx_message>.size else { throw .connectionReset }
    return (
      bytes.withUnsafeBytes { $0.loadUnaligned(as: uwrx_message.self) },
      descriptors.prefix(Int(count)).map { FileDescriptor(rawValue: $0) }
    )
  }
}
