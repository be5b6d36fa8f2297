import SystemPackage

extension Syscalls {
  /// Refuses new namespaces, which would hide a process. The flags are a register, which no other thread can change.
  @Sendable static func clone(_ call: Call) throws(Errno) -> Outcome {
    guard call.arguments.0 & Registry.namespaceFlags == 0 else { throw .notPermitted }
    // What is left shares its current directory and umask with a process that is not its own.
    call.kernel.remembersFileSystemState = false
    return .continue
  }
}
