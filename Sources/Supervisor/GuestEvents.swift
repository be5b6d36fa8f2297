import CGuest
import CLinux
import SystemPackage

/// Mounts of the supervisor's own, on which no symbolic link is followed, the guest's /proc, and the list of its System V memory.
struct Views {
  var host, run, store, skeleton, proc, shared: FileDescriptor
  /// SO_NETNS_COOKIE of the guest's network namespace.
  var network: UInt64
}

/// What guest init and the command tell.
enum GuestEvent {
  case ready(Views)
  /// The command's, whose process number is the host's.
  case listener(FileDescriptor, skeleton: FileDescriptor, command: pid_t)
  /// A wait status of the command (wait(2)).
  case status(Int32)
  case treeEnded
  case failed(step: String, Errno)
  /// Guest init is gone.
  case closed
}

/// The socket on which guest init and the command tell it.
struct GuestEvents {
  let socket: FileDescriptor

  /// Waits for the next event.
  func next() -> GuestEvent {
    let size = MemoryLayout<uwrx_message>.size + 4096
    return withUnsafeTemporaryAllocation(byteCount: size + 1, alignment: 8) { buffer in
      var descriptors: (Int32, Int32, Int32, Int32, Int32, Int32) = (-1, -1, -1, -1, -1, -1)
      var count: Int32 = 0
      var sender: Int32 = 0
      let length = withUnsafeMutableBytes(of: &descriptors) {
        uwrx_receive_message(
          socket.rawValue, buffer.baseAddress!, size, $0.baseAddress!.assumingMemoryBound(to: Int32.self), 6, &count,
          &sender)
      }
      guard length > MemoryLayout<uwrx_message>.size else { return .closed }
      buffer[length] = 0
      let message = buffer.load(as: uwrx_message.self)
      switch uwrx_operation(message.operation) {
      case UWRX_READY where count == 6:
        return .ready(
          Views(
            host: FileDescriptor(rawValue: descriptors.0), run: FileDescriptor(rawValue: descriptors.1),
            store: FileDescriptor(rawValue: descriptors.2), skeleton: FileDescriptor(rawValue: descriptors.3),
            proc: FileDescriptor(rawValue: descriptors.4), shared: FileDescriptor(rawValue: descriptors.5),
            network: message.inode))
      case UWRX_LISTENER where count == 2:
        return .listener(
          FileDescriptor(rawValue: descriptors.0), skeleton: FileDescriptor(rawValue: descriptors.1), command: sender)
      case UWRX_STATUS: return .status(message.value)
      case UWRX_TREE_ENDED: return .treeEnded
      case UWRX_FAILED:
        let text = buffer.baseAddress! + MemoryLayout<uwrx_message>.size
        return .failed(
          step: String(cString: text.assumingMemoryBound(to: CChar.self)), Errno(rawValue: message.value))
      default: return .closed
      }
    }
  }
}
