import Glibc
import SystemPackage
import Tracing

extension Syscalls {
  /// The kernel waits for the connection, which the caller gets however long it takes; recorded is where it is awaited.
  @Sendable static func accept(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    guard let recorder = call.kernel.recorder else { return .continue }
    var address = sockaddr_storage()
    try withUnsafeMutableBytes(of: &address) { buffer throws(Errno) in
      let count = try call.kernel.descriptors.socketName(of: descriptor, of: call.thread.group, into: buffer)
      recorder.append(
        Event(.accept, pid: call.thread.group.number, node: 0, version: UInt32(bitPattern: descriptor)),
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer).prefix(count)))
    }
    return .continue
  }
}
