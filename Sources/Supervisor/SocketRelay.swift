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
  /// What stands for the connection when it has ended.
  private let null: Int32
  private let outward = Outward()

  /// Seconds that the peer may take nothing of what the guest has said before the run ends all the same, and seconds for all of it: a
  /// pair of sockets holds some hundred kibibytes.
  private static let patience = 10.0
  private static let mostPatience = 60.0

  /// Whether the peer has got everything that the guest has said.
  private final class Outward: @unchecked Sendable {
    let lock = Lock()
    var isDone = false
    var lastProgress = ContinuousTime.now
    var hasPeerEnded = false
    private var isClosed = false

    func change(_ body: (Outward) -> Void) {
      lock.lock()
      body(self)
      lock.unlock()
    }

    /// Whether both directions have ended, which one of two threads is told.
    func mayClose() -> Bool {
      lock.lock()
      defer { lock.unlock() }
      guard isDone, hasPeerEnded, !isClosed else { return false }
      isClosed = true
      return true
    }
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
    let null = Int32(uwrx_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0))
    guard connection >= 0, made == 0, null >= 0 else {
      throw SupervisorError("cannot make a relay for the \(name): \(Errno(rawValue: uwrx_errno()))")
    }
    descriptors = [descriptor]
    identity = (status.st_dev, status.st_ino)
    self.connection = connection
    ours = pair.0
    guests = pair.1
    self.null = null
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
    let (relay, outward) = (self, outward)
    let inward = startThread {
      relay.copy(from: relay.connection, to: relay.ours) {}
      outward.change { $0.hasPeerEnded = true }
      relay.closeConnection()
    }
    return inward
      && startThread {
        relay.copy(from: relay.ours, to: relay.connection) { outward.change { $0.lastProgress = .now } }
        relay.passShutdownOn()
        outward.change { $0.isDone = true }
        relay.closeConnection()
      }
  }

  /// The guest says no more. What it did by shutdown(2) is done to the connection; a close of its ends is not.
  private func passShutdownOn() {
    var polled = pollfd(fd: ours, events: 0, revents: 0)
    if poll(&polled, 1, 0) == 0 { shutdown(connection, Int32(SHUT_WR)) }
  }

  /// When the guest has closed its ends, the peer is to see it, also while the run goes on: it does if nobody else has the connection. It is
  /// not shut down here, since whoever gave it may go on with it.
  private func closeConnection() {
    guard outward.mayClose() else { return }
    for descriptor in descriptors { dup2(null, descriptor) }
    Glibc.close(connection)
    Glibc.close(null)
  }

  /// The guest has ended: waits until the peer has got what it said, or takes nothing more.
  /// - Returns: whether it has got all.
  func drain() -> Bool {
    outward.lock.lock()
    outward.lastProgress = .now
    outward.lock.unlock()
    let end = ContinuousTime.now + Self.mostPatience
    while true {
      outward.lock.lock()
      let (isDone, isOver) = (outward.isDone, outward.lastProgress + Self.patience < .now)
      outward.lock.unlock()
      if isDone { return true }
      if isOver || end < .now { return false }
      usleep(2000)
    }
  }

  /// Passes bytes on until the end of one side, or until the guest has closed its ends. The guest learns of the peer's.
  private func copy(from: Int32, to: Int32, _ didSend: () -> Void) {
    withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
      copying: while true {
        var polled = [
          pollfd(fd: from, events: Int16(POLLIN), revents: 0),
          pollfd(fd: from == ours ? -1 : ours, events: 0, revents: 0),
        ]
        if poll(&polled, 2, -1) < 0 { continue }
        if polled[1].revents != 0 { break }
        let count = recv(from, buffer.baseAddress!, buffer.count, Int32(MSG_DONTWAIT))
        if count < 0, uwrx_errno() == EAGAIN || uwrx_errno() == EINTR { continue }
        guard count > 0 else { break }
        var sent = 0
        while sent < count {
          let result = send(to, buffer.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL))
          if result < 0, isToBeTriedAgain(to) { continue }
          guard result > 0 else { break copying }
          sent += result
          didSend()
        }
      }
    }
    shutdown(ours, Int32(to == ours ? SHUT_WR : SHUT_RD))
  }

  /// After a failed call: whether it was interrupted, or the socket does not wait and is ready now.
  private func isToBeTriedAgain(_ socket: Int32) -> Bool {
    let error = uwrx_errno()
    guard error == EAGAIN else { return error == EINTR }
    var polled = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
    _ = poll(&polled, 1, -1)
    return true
  }
}
