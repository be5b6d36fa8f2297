import CLinux
import Glibc
import SystemPackage

/// A connection of the host's network that was given to the run as a standard descriptor, as inetd(8) does.
///
/// The socket itself would be a way into that network: who holds it can disconnect it and connect it to another address, and ask it for
/// the host's interfaces. So the guest gets an end of a pair, and the bytes are passed on here.
struct SocketRelay {
  /// The standard descriptors that are this connection.
  var descriptors: [Int32]
  private let identity: (dev_t, ino_t)
  private let connection: Int32
  private let ours: Int32
  private let guests: Int32
  private let outward = Outward()

  /// Seconds that the peer may take nothing of what the guest has said before the run ends all the same.
  private static let patience = 10.0

  /// Whether the peer has got everything that the guest has said.
  private final class Outward: @unchecked Sendable {
    let lock = Lock()
    var isDone = false
    var lastProgress = ContinuousTime.now
  }

  /// - Returns: nil for a connected stream between processes (unix(7)): nothing else can be reached by it.
  /// - Throws: for a socket that cannot be relayed.
  init?(_ descriptor: Int32, _ status: stat, _ name: String) throws(SupervisorError) {
    let domain = uwrx_socket_option(descriptor, SO_DOMAIN)
    let type = uwrx_socket_option(descriptor, SO_TYPE)
    let isStream = type == Int(SOCK_STREAM.rawValue) || domain == Int(AF_UNIX) && type == Int(SOCK_SEQPACKET.rawValue)
    guard isStream, uwrx_is_connected(descriptor) != 0 else {
      throw SupervisorError(
        "the \(name) is a socket that is no connection, and would lead to the host's network; give the run a pipe, "
          + "as in socat ... 'SYSTEM:uwrx run ...,pipes', or redirect it to a file or to /dev/null")
    }
    if domain == Int(AF_UNIX) { return nil }
    var pair: (Int32, Int32) = (-1, -1)
    let connection = Int32(truncatingIfNeeded: uwrx_fcntl(descriptor, 1030, 3))  // F_DUPFD_CLOEXEC
    let made = withUnsafeMutableBytes(of: &pair) { uwrx_stream_pair($0.bindMemory(to: Int32.self).baseAddress!) }
    guard connection >= 0, made == 0 else {
      throw SupervisorError("cannot make a relay for the \(name): \(Errno(rawValue: uwrx_errno()))")
    }
    descriptors = [descriptor]
    identity = (status.st_dev, status.st_ino)
    self.connection = connection
    ours = pair.0
    guests = pair.1
  }

  func isSame(_ status: stat) -> Bool { identity == (status.st_dev, status.st_ino) }

  /// Before the guest is forked.
  func giveToGuest() {
    for descriptor in descriptors { dup2(guests, descriptor) }
  }

  /// After it: what this program says goes to the connection itself, and the pair's end is the guest's alone, so that its last close
  /// is seen.
  func takeBack() {
    for descriptor in descriptors { dup2(connection, descriptor) }
    Glibc.close(guests)
  }

  /// - Returns: false if there can be no threads.
  func start() -> Bool {
    let (connection, ours, outward) = (connection, ours, outward)
    let inward = startThread { Self.copy(from: connection, to: ours, pairEnd: ours) {} }
    return inward
      && startThread {
        Self.copy(from: ours, to: connection, pairEnd: ours) {
          outward.lock.lock()
          outward.lastProgress = .now
          outward.lock.unlock()
        }
        outward.lock.lock()
        outward.isDone = true
        outward.lock.unlock()
      }
  }

  /// The guest has ended: waits until the peer has got what it said, or takes nothing more.
  func drain() {
    outward.lock.lock()
    outward.lastProgress = .now
    outward.lock.unlock()
    while true {
      outward.lock.lock()
      let isOver = outward.isDone || outward.lastProgress + Self.patience < .now
      outward.lock.unlock()
      if isOver { return }
      usleep(2000)
    }
  }

  /// Passes bytes on until the end of one side. The guest learns of the peer's; the connection itself is not shut down, since whoever
  /// gave it may go on with it when the run has ended.
  private static func copy(from: Int32, to: Int32, pairEnd: Int32, _ didSend: () -> Void) {
    withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
      copying: while true {
        let count = recv(from, buffer.baseAddress!, buffer.count, 0)
        if count < 0, isToBeTriedAgain(from, POLLIN) { continue }
        guard count > 0 else { break }
        var sent = 0
        while sent < count {
          let result = send(to, buffer.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL))
          if result < 0, isToBeTriedAgain(to, POLLOUT) { continue }
          guard result > 0 else { break copying }
          sent += result
          didSend()
        }
      }
    }
    if to == pairEnd { shutdown(to, Int32(SHUT_WR)) } else { shutdown(from, Int32(SHUT_RD)) }
  }

  /// After a failed call: whether it was interrupted, or the socket does not wait and is ready now.
  private static func isToBeTriedAgain(_ socket: Int32, _ events: Int32) -> Bool {
    let error = uwrx_errno()
    guard error == EAGAIN else { return error == EINTR }
    var polled = pollfd(fd: socket, events: Int16(events), revents: 0)
    _ = poll(&polled, 1, -1)
    return true
  }
}
