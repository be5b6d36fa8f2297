import SystemPackage

extension Syscalls {
  /// Refuses new namespaces. What is left (CLONE_FILES, CLONE_FS, CLONE_SYSVSEM) separates the caller from others of
  /// the guest's tree, and the flags are a register, so no other thread can change them after this look.
  @Sendable static func unshare(_ call: Call) throws(Errno) -> Outcome {
    let newTime: UInt64 = 0x80
    // check_unshare_flags() of kernel/fork.c: with these THREAD, SIGHAND, VM, FILES, SYSVSEM.
    let known = Registry.namespaceFlags | newTime | Registry.shareFileSystemState | 0x5_0d00
    guard call.arguments.0 & ~known == 0 else { throw .invalidArgument }
    guard call.arguments.0 & (Registry.namespaceFlags | newTime) == 0 else { throw .notPermitted }
    // A thread of its own current directory is no longer like the others of its process.
    if call.arguments.0 & Registry.shareFileSystemState != 0 { call.thread.group.sharesFileSystemState = true }
    return .continue
  }
}
