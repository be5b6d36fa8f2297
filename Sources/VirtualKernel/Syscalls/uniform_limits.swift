import Reproducibility
import SystemPackage

// Resource limits (getrlimit(2)) in a run on which every machine is the same. The kernel's own are what this host and its user have; the guest
// sees a fixed pair in place of what it was started with, and what it sets itself.

extension VirtualKernel {
  /// What the guest sees.
  func uniformLimit(
    _ resource: Int32, of thread: AbsTid, _ machine: UniformMachine
  ) throws(Errno) -> ResourceLimit {
    let real = try information.limit(resource, of: thread, setTo: nil)
    // All changes come through here: what is found first is what the run began with.
    let given = givenLimits[resource] ?? real
    givenLimits[resource] = given
    guard let fixed = machine.limit(resource) else { return real }
    return ResourceLimit(
      soft: real.soft == given.soft ? min(fixed.soft, fixed.hard) : min(real.soft, fixed.hard),
      hard: real.hard == given.hard ? fixed.hard : min(real.hard, fixed.hard))
  }

  /// What the kernel is told if the guest sets a limit to this.
  fileprivate func realLimit(_ new: ResourceLimit, _ resource: Int32, _ machine: UniformMachine) -> ResourceLimit {
    guard let fixed = machine.limit(resource), let given = givenLimits[resource] else { return new }
    let hard = new.hard == fixed.hard ? given.hard : min(new.hard, given.hard)
    // A soft one that is as high as can be is so here, too.
    let soft = new.soft == fixed.soft ? given.soft : new.soft == fixed.hard ? given.hard : new.soft
    return ResourceLimit(soft: min(soft, hard), hard: hard)
  }

  fileprivate func setUniformLimit(
    _ resource: Int32, of thread: AbsTid, to new: ResourceLimit, _ machine: UniformMachine
  ) throws(Errno) {
    guard new.soft <= new.hard else { throw .invalidArgument }
    guard new.hard <= (try uniformLimit(resource, of: thread, machine)).hard else { throw .notPermitted }
    // prlimit64.swift
    if resource == Syscalls.coreSize { return }
    _ = try information.limit(resource, of: thread, setTo: realLimit(new, resource, machine))
  }
}

extension Syscalls {
  private static func machineAndResource(
    _ call: Call, _ argument: UInt64
  ) throws(Errno) -> (UniformMachine, Int32) {
    guard let machine = call.kernel.reproduction.machine else { throw .noFunction }
    let resource = Int32(truncatingIfNeeded: argument)
    // RLIM_NLIMITS
    guard (0..<16).contains(resource) else { throw .invalidArgument }
    return (machine, resource)
  }

  @Sendable static func uniformGetrlimit(_ call: Call) throws(Errno) -> Outcome {
    let (machine, resource) = try machineAndResource(call, call.arguments.0)
    try call.write(try call.kernel.uniformLimit(resource, of: call.thread.id, machine), at: call.arguments.1)
    return .value(0)
  }

  @Sendable static func uniformSetrlimit(_ call: Call) throws(Errno) -> Outcome {
    let new = try call.read(ResourceLimit.self, at: call.arguments.1)
    let (machine, resource) = try machineAndResource(call, call.arguments.0)
    try call.kernel.setUniformLimit(resource, of: call.thread.id, to: new, machine)
    return .value(0)
  }

  @Sendable static func uniformPrlimit(_ call: Call) throws(Errno) -> Outcome {
    let new = call.arguments.2 == 0 ? nil : try call.read(ResourceLimit.self, at: call.arguments.2)
    let pid = call.kernel.processes.kernelNumber(Int32(truncatingIfNeeded: call.arguments.0))
    let target = pid == 0 ? call.thread : try limitTarget(pid, call)
    let (machine, resource) = try machineAndResource(call, call.arguments.1)
    let old = try call.kernel.uniformLimit(resource, of: target.id, machine)
    if let new { try call.kernel.setUniformLimit(resource, of: target.id, to: new, machine) }
    if call.arguments.3 != 0 { try call.write(old, at: call.arguments.3) }
    return .value(0)
  }
}
