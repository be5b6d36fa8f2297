import Glibc
import SystemPackage

extension Syscalls {
  /// mmap(2) of code, in a run that answers for the processor. Whatever a racing thread does, the kernel maps it into the caller's own memory.
  @Sendable static func mmap(_ call: Call) throws(Errno) -> Outcome {
    if Int32(truncatingIfNeeded: call.arguments.3) & MAP_ANONYMOUS != 0 { return try mprotect(call) }
    if let search = call.kernel.expectCode(call) { return .blocked(on: search) }
    return .continue
  }

  /// mprotect(2) that makes code of what the process has written, in such a run.
  @Sendable static func mprotect(_ call: Call) throws(Errno) -> Outcome {
    call.kernel.leaveMadeCode(of: call.thread.group)
    return .continue
  }
}
