import Glibc
import SystemPackage

/// One end of a socket on which ``CacheMessage``s go. One thread at a time uses it.
package final class CacheChannel: Sendable {
  private let socket: FileDescriptor
  /// Milliseconds in which the other end takes something or says something; -1 for any time.
  private let patience: Int32

  /// - Parameter socket: SOCK_STREAM; it is closed with the channel.
  package init(socket: FileDescriptor, patience: Int32) {
    self.socket = socket
    self.patience = patience
  }

  deinit { close(socket.rawValue) }

  package func send(_ message: CacheMessage) throws(Errno) {
    let bytes = message.bytes
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          socket.rawValue, $0.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      if count > 0 { done += count } else { try wait(for: POLLOUT) }
    }
  }

  /// - Throws: `.connectionReset` when the other end is gone, `.timedOut`, or `.badMessage`.
  package func receive() throws(Errno) -> CacheMessage {
    let head = try read(5)
    let count = head[1...].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard count <= CacheMessage.largest else { throw .badMessage }
    guard let message = CacheMessage(kind: head[0], try read(count)) else { throw .badMessage }
    return message
  }

  /// Whoever waits on the channel is told that the other end is gone.
  package func cut() { shutdown(socket.rawValue, Int32(SHUT_RDWR)) }

  private func read(_ count: Int) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let read = bytes.withUnsafeMutableBytes {
        recv(socket.rawValue, $0.baseAddress! + done, count - done, Int32(MSG_DONTWAIT))
      }
      if read == 0 { throw .connectionReset }
      if read > 0 { done += read } else { try wait(for: POLLIN) }
    }
    return bytes
  }

  /// After a call that has failed: waits if it was for want of room or bytes.
  private func wait(for event: Int32) throws(Errno) {
    if errno == EINTR { return }
    guard errno == EAGAIN else { throw Errno(rawValue: errno) }
    var ready = pollfd(fd: socket.rawValue, events: Int16(event), revents: 0)
    let result = poll(&ready, 1, patience)
    if result == 0 { throw .timedOut }
    if result < 0, errno != EINTR { throw Errno(rawValue: errno) }
  }
}
