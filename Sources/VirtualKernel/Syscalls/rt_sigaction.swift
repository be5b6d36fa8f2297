import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  /// A signal without SA_RESTART that lands before the supervisor has received a call ends the call with EINTR, although Linux does
  /// not interrupt an open or a stat. Shells install such a handler for SIGCHLD, and children end at any time.
  @Sendable static func rt_sigaction(_ call: Call) throws(Errno) -> Outcome {
    guard UInt32(truncatingIfNeeded: call.arguments.0) == UInt32(SIGCHLD), call.arguments.1 != 0 else {
      return .continue
    }
    // struct kernel_sigaction: handler, flags, restorer, mask. On x86-64 and arm64 the flags follow the handler.
    let flagsAddress = call.arguments.1 &+ 8
    guard let flags = try? call.read(UInt64.self, at: flagsAddress) else { return .continue }
    let handler = try call.read(UInt64.self, at: call.arguments.1)
    guard handler > 1, flags & UInt64(SA_RESTART) == 0 else { return .continue }
    // A caller whose struct is in read-only memory keeps its own flags.
    try? call.write(flags | UInt64(SA_RESTART), at: flagsAddress)
    return .continue
  }
}
