import Glibc

/// Closes sockets on a thread of its own.
///
/// The close of the last descriptor of a socket with SO_LINGER waits, as long as the guest has said, until its peer has taken what was
/// sent, and the last one may be the supervisor's: the guest ends while it is looked at.
final class SocketCloser: @unchecked Sendable {
  private let lock = Lock()
  private var sockets: [Int32] = []
  private var isRunning = false

  func close(_ socket: Int32) {
    lock.lock()
    defer { lock.unlock() }
    sockets.append(socket)
    if isRunning {
      lock.signal()
    } else {
      isRunning = startThread { self.work() }
    }
  }

  private func work() {
    lock.lock()
    while true {
      while let socket = sockets.popLast() {
        lock.unlock()
        Glibc.close(socket)
        lock.lock()
      }
      lock.wait()
    }
  }
}
