import CGuest
import CLinux
import Glibc
import SystemPackage

/// What guest init, the supervisor's hands inside the namespaces, is asked for.
///
/// Nothing here waits longer than `timeLimit`: guest init works for a guest that may keep it busy.
final class InitChannel: @unchecked Sendable {
  private let socket: FileDescriptor
  // One request at a time: the receiver and the pool bind and mount. What is only told needs no lock.
  private let lock = Lock()
  private var serial: UInt64 = 0

  /// Seconds for an answer. A mount of a source may have to wait for a disk.
  private static let timeLimit = 10.0

  init(socket: FileDescriptor) {
    self.socket = socket
  }

  /// - Returns: the descriptor that came with the answer, or nil if none did.
  /// - Throws: `.timedOut` if guest init has not answered in time.
  @discardableResult
  func request(
    _ operation: uwrx_operation, value: Int32 = 0, device: UInt64 = 0, inode: UInt64 = 0,
    _ path: UnsafePointer<CChar>? = nil, _ second: UnsafePointer<CChar>? = nil, with given: FileDescriptor? = nil
  ) throws(Errno) -> FileDescriptor? {
    lock.lock()
    defer { lock.unlock() }
    serial += 1
    var header = uwrx_message(operation: operation.rawValue, value: value, device: device, inode: inode, serial: serial)
    _ = try check(Int(uwrx_guest_send(socket.rawValue, &header, path, second, given?.rawValue ?? -1)))
    let deadline = ContinuousTime.now + Self.timeLimit
    while true {
      try waitForAnswer(until: deadline)
      var reply = uwrx_message()
      var descriptor: Int32 = -1
      var count: Int32 = 0
      var sender: Int32 = 0
      let length = try check(
        uwrx_receive_message(
          socket.rawValue, &reply, MemoryLayout<uwrx_message>.size, &descriptor, 1, &count, &sender))
      // Guest init has died, and the guest with it.
      guard length == MemoryLayout<uwrx_message>.size else { throw .ioError }
      let file = count == 1 ? FileDescriptor(rawValue: descriptor) : nil
      guard reply.serial == serial else {
        // The answer to a request that was given up.
        if let file { Glibc.close(file.rawValue) }
        continue
      }
      _ = try check(Int(reply.value))
      return file
    }
  }

  private func waitForAnswer(until deadline: ContinuousTime) throws(Errno) {
    while true {
      var polled = pollfd(fd: socket.rawValue, events: Int16(POLLIN), revents: 0)
      let rest = max(0, ((deadline - ContinuousTime.now) * 1000).rounded(.up))
      let result = poll(&polled, 1, Int32(rest))
      if result > 0 { return }
      if result == 0 { throw .timedOut }
      guard uwrx_errno() == EINTR else { throw Errno(rawValue: uwrx_errno()) }
    }
  }

  /// Tells guest init to signal, stop or continue the guest, and does not wait for it.
  func tell(_ operation: uwrx_operation, value: Int32 = 0) {
    var header = uwrx_message(operation: operation.rawValue, value: value, device: 0, inode: 0, serial: 0)
    _ = uwrx_guest_send(socket.rawValue, &header, nil, nil, -1)
  }
}
