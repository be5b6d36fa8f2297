import SystemPackage

/// The processors of another thread: the supervisor asks the kernel on the caller's behalf, and under the lock under which descriptors are
/// handed over, for as long as which the thread has a single one (`PendingCall.handOver`). Of itself a thread cannot ask then.
extension Syscalls {
  @Sendable static func sched_getaffinity(_ call: Call) throws(Errno) -> Outcome {
    let pid = call.kernel.processes.kernelNumber(Int32(truncatingIfNeeded: call.arguments.0))
    let target = affinityTarget(pid, call)
    // The kernel finds fault with the length first, so it is asked even if there is nobody to ask for.
    let count = try call.kernel.information.processors(
      of: target?.id, into: call.scratch, length: UInt32(truncatingIfNeeded: call.arguments.1))
    guard target != nil || exists(pid, call) else { throw .noSuchProcess }
    try call.write(UnsafeRawBufferPointer(rebasing: call.scratch.prefix(count)), at: call.arguments.2)
    return .value(Int64(count))
  }

  @Sendable static func sched_setaffinity(_ call: Call) throws(Errno) -> Outcome {
    let information = call.kernel.information
    let length = min(
      Int(UInt32(truncatingIfNeeded: call.arguments.1)), information.processorMaskSize, call.scratch.count)
    let mask = UnsafeMutableRawBufferPointer(rebasing: call.scratch.prefix(length))
    try call.read(at: call.arguments.2, into: mask)
    guard let target = try settableAffinity(call) else { return .value(0) }
    try information.setProcessors(of: target.id, to: UnsafeRawBufferPointer(mask))
    return .value(0)
  }

  /// Whose processors the caller may set.
  /// - Returns: nil for what only waits to be reaped, which takes any mask; who it was is forgotten.
  static func settableAffinity(_ call: Call) throws(Errno) -> Thread? {
    let pid = call.kernel.processes.kernelNumber(Int32(truncatingIfNeeded: call.arguments.0))
    guard let target = affinityTarget(pid, call) else {
      guard exists(pid, call) else { throw .noSuchProcess }
      guard pid != 1, call.kernel.proc.isWithoutMemory(pid, call) else { throw .notPermitted }
      return nil
    }
    try requireSameOwner(target, call)
    return target
  }

  /// kernel/sched/syscalls.c, check_same_owner(). Who has every capability that there is for a guest stands for who has CAP_SYS_NICE.
  static func requireSameOwner(_ target: Thread, _ call: Call) throws(Errno) {
    let own = call.credentials.pointee
    let owner = target.credentials.pointee.user
    guard
      own.user.effective == owner.effective || own.user.effective == owner.real
        || own.capabilities.effective.isSuperset(of: .granted)
    else { throw .notPermitted }
  }

  static func affinityTarget(_ pid: Int32, _ call: Call) -> Thread? {
    if pid == 0 { return call.thread }
    return pid > 0 ? call.kernel.processes.findThread(NsTid(rawValue: pid)) : nil
  }

  /// Guest init, an orphan of its that has not made a call yet, or what waits to be reaped.
  static func exists(_ pid: Int32, _ call: Call) -> Bool {
    pid > 0 && (try? call.kernel.information.statusOfProcLink(String(pid))) != nil
  }
}
