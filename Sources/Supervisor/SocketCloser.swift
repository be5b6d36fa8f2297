import Glibc

/// Closes sockets that linger on threads of their own.
///
/// The close of the last descriptor of a socket with SO_LINGER waits, as long as the guest has said, until its peer has taken what was
/// sent, and the last one may be the supervisor's: the guest ends while it is looked at.
final class SocketCloser: @unchecked Sendable {
  private static let maximumThreads = 256

  private let lock = Lock()
  private var sockets: [Int32] = []
  private var threads = 0
  private var idle = 0

  func close(_ socket: Int32) {
    var setting = linger()
    var size = socklen_t(MemoryLayout<linger>.size)
    guard getsockopt(socket, SOL_SOCKET, SO_LINGER, &setting, &size) == 0, setting.l_onoff != 0, setting.l_linger > 0
    else {
      Glibc.close(socket)
      return
    }
    lock.lock()
    defer { lock.unlock() }
    sockets.append(socket)
    if idle > 0 {
      lock.signal()
    } else if threads < Self.maximumThreads, startThread({ self.work() }) {
      threads += 1
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
      idle += 1
      lock.wait()
      idle -= 1
    }
  }
}
