import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  /// The kernel keeps the umask, as it needs it for what the guest makes itself; the virtual kernel takes note. The
  /// argument is a register, which no other thread can change.
  @Sendable static func umask(_ call: Call) throws(Errno) -> Outcome {
    call.thread.group.umask = UInt32(truncatingIfNeeded: call.arguments.0) & 0o777
    return .continue
  }
}
