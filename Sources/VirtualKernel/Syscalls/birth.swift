import SystemPackage

extension Syscalls {
  /// set_tid_address and set_robust_list: what every libc calls at the birth of a process, a thread or a new image.
  @Sendable static func birth(_ call: Call) throws(Errno) -> Outcome {
    try call.kernel.processes.birth(of: call.notification.thread)
    return .continue
  }
}
