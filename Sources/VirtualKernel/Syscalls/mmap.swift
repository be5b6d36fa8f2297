import SystemPackage

extension Syscalls {
  /// mmap(2) of a file's code, in a run that answers for the processor. Whatever a racing thread does, the kernel maps it into the caller's own
  /// memory.
  @Sendable static func mmap(_ call: Call) throws(Errno) -> Outcome {
    call.kernel.expectCode(call)
    return .continue
  }
}
