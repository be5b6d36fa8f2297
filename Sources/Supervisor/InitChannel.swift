import CGuest
import CLinux
import Glibc
import SystemPackage

/// Requests to guest init, the supervisor's hands inside the namespaces.
final class InitChannel: @unchecked Sendable {
  private let socket: FileDescriptor
  // One request at a time: the receiver binds, the main loop sends signals.
  private let lock = Lock()

  init(socket: FileDescriptor) {
    self.socket = socket
  }

  /// - Returns: the descriptor that came with the answer, or nil if none did.
  @discardableResult
  func request(
    _ operation: uwrx_operation, value: Int32 = 0, device: UInt64 = 0, inode: UInt64 = 0,
    _ path: UnsafePointer<CChar>? = nil, _ second: UnsafePointer<CChar>? = nil
  ) throws(Errno) -> FileDescriptor? {
    lock.lock()
    defer { lock.unlock() }
    _ = try check(
      Int(uwrx_guest_send(socket.rawValue, operation.rawValue, value, device, inode, path, second)))
    var reply = uwrx_message()
    var descriptor: Int32 = -1
    var count: Int32 = 0
    let length = try check(
      uwrx_receive_message(socket.rawValue, &reply, MemoryLayout<uwrx_message>.size, &descriptor, 1, &count))
    // Guest init has died, and the guest with it.
    guard length == MemoryLayout<uwrx_message>.size else { throw .ioError }
    _ = try check(Int(reply.value))
    return count == 1 ? FileDescriptor(rawValue: descriptor) : nil
  }

  func close() {
    Glibc.close(socket.rawValue)
  }
}
