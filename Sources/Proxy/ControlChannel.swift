import CLinux
import Glibc
import Network
import SystemPackage

/// The proxy's end of the socket to the supervisor.
public final class ControlChannel: Sendable {
  public let socket: FileDescriptor

  public init(socket: FileDescriptor) { self.socket = socket }

  /// Waits for room: what happened on the network is recorded, or the run ends.
  public func send(_ message: ControlMessage) { send(message.bytes) }

  /// Likewise, in as few messages as there is room in.
  func send(_ messages: [ControlMessage]) { for bytes in ControlMessage.packed(messages) { send(bytes) } }

  private func send(_ bytes: [UInt8]) {
    while Glibc.send(socket.rawValue, bytes, bytes.count, Int32(MSG_NOSIGNAL)) < 0, uwrx_errno() == EINTR {}
  }

  /// The next message, if one has come. Does not wait.
  /// - Throws: `.connectionReset` when the supervisor is gone.
  public func receive() throws(Errno) -> ControlMessage? {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = recv(socket.rawValue, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    if count > 0 { return ControlMessage(buffer[..<count]) }
    if count < 0, uwrx_errno() == EAGAIN || uwrx_errno() == EINTR { return nil }
    throw .connectionReset
  }
}
