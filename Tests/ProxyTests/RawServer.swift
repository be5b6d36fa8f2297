import Glibc
import NIOPosix
import Synchronization

/// A server on loopback that does with each connection what a test says, one after another or several at once.
final class RawServer: Sendable {
  let port: Int
  private let listener: Listener
  private let threads = NIOThreadPool(numberOfThreads: 8)

  init(_ serve: @escaping @Sendable (RawSocket) -> Void) {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = RawSocket.loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        precondition(bind(socket, address, length) == 0 && listen(socket, 64) == 0)
        getsockname(socket, address, &length)
      }
    }
    let listener = Listener(socket)
    self.listener = listener
    port = Int(UInt16(bigEndian: address.sin_port))
    threads.start()
    let pool = threads
    pool.submit { _ in
      while true {
        let connection = accept(socket, nil, nil)
        if connection < 0, errno == EINTR || errno == ECONNABORTED { continue }
        guard connection >= 0 else { return listener.close() }
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        pool.submit { _ in serve(RawSocket(descriptor: connection)) }
      }
    }
  }

  /// No more connections come; those that are open go on.
  func stop() {
    listener.shutDown()
    threads.shutdownGracefully { _ in }
  }
}

/// Closed by who waits there alone: its number may be another's socket from then on, whose connections would be taken.
private final class Listener: Sendable {
  /// nil when it is closed.
  private let descriptor: Mutex<Int32?>

  init(_ descriptor: Int32) { self.descriptor = Mutex(descriptor) }

  func shutDown() { descriptor.withLock { if let open = $0 { _ = shutdown(open, Int32(SHUT_RDWR)) } } }

  func close() {
    descriptor.withLock {
      if let open = $0 { _ = Glibc.close(open) }
      $0 = nil
    }
  }
}
