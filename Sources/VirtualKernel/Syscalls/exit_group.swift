import SystemPackage

extension Syscalls {
  /// What a process has used cannot be asked any more when it has been waited for.
  @Sendable static func exit_group(_ call: Call) throws(Errno) -> Outcome {
    if let work = call.kernel.endUnit(call) { return .blocked(on: work) }
    let group = call.thread.group
    group.end = ThreadGroup.End(
      time: call.notification.time, status: Int32(truncatingIfNeeded: call.arguments.0 & 0xff) << 8,
      use: call.kernel.information.use(of: group.id))
    call.kernel.findChildren(of: group)
    if call.kernel.reproduction.clock != nil { call.kernel.endClock(of: group) }
    return .continue
  }
}
