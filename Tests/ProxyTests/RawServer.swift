import Glibc
import NIOPosix

/// A server on loopback that does with each connection what a test says, one after another or several at once.
final class RawServer: Sendable {
  let port: Int
  private let listener: Int32
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
    listener = socket
    port = Int(UInt16(bigEndian: address.sin_port))
    threads.start()
    let pool = threads
    pool.submit { _ in
      while true {
        let connection = accept(socket, nil, nil)
        guard connection >= 0 else { return }
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        pool.submit { _ in serve(RawSocket(descriptor: connection)) }
      }
    }
  }

  /// No more connections come; those that are open go on.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    threads.shutdownGracefully { _ in }
  }

  deinit { close(listener) }
}
