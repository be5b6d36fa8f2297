import Reproducibility
import SystemPackage

// What is asked of the machine in a run on which every machine is the same.

extension Syscalls {
  /// Such a run has one.
  private static func machine(_ call: Call) throws(Errno) -> UniformMachine {
    guard let machine = call.kernel.reproduction.machine else { throw .noFunction }
    return machine
  }

  @Sendable static func uname(_ call: Call) throws(Errno) -> Outcome {
    var personality: [UInt8] = []
    try? call.kernel.information.readProc("\(call.thread.group.nsID.rawValue)/personality", into: &personality)
    let bits = UInt32(String(decoding: personality.prefix { $0 != 0x0a }, as: UTF8.self), radix: 16) ?? 0
    // PER_MASK and PER_LINUX32 (include/uapi/linux/personality.h).
    let names = try machine(call).names(is32Bit: bits & 0xff == 8)
    // struct new_utsname
    var bytes: [UInt8] = []
    for name in names {
      let field = Array(name.utf8.prefix(UniformMachine.longestName))
      bytes += field + [UInt8](repeating: 0, count: UniformMachine.longestName + 1 - field.count)
    }
    try call.write(contentsOf: bytes, at: call.arguments.0)
    return .value(0)
  }

  /// struct sysinfo of a 64-bit system: 14 words, of which the eleventh holds how many processes there are and the fourteenth the unit.
  @Sendable static func sysinfo(_ call: Call) throws(Errno) -> Outcome {
    var words = [UInt64](repeating: 0, count: 14)
    if call.kernel.reproduction.machine == nil {
      words = call.kernel.information.systemInformation()
    } else {
      // The machine was started a second ago, and has no load yet.
      words[0] = 1
      words[4] = UniformMachine.memory
      words[5] = UniformMachine.freeMemory
      words[10] = 2
      words[13] = 1
    }
    if let rule = call.kernel.reproduction.clock { words[0] = rule.monotonic(call.kernel.ask(call)) / 1_000_000_000 }
    try call.write(contentsOf: words, at: call.arguments.0)
    return .value(0)
  }

  /// The first processor of the first node.
  @Sendable static func getcpu(_ call: Call) throws(Errno) -> Outcome {
    for address in [call.arguments.0, call.arguments.1] where address != 0 { try call.write(UInt32(0), at: address) }
    return .value(0)
  }

  /// The kernel would write into it on which processor the thread runs. libraries do without, as on kernels before Linux 4.18.
  @Sendable static func rseq(_ call: Call) throws(Errno) -> Outcome { throw .noFunction }

  /// sched_getaffinity(2) of any thread.
  @Sendable static func uniformAffinity(_ call: Call) throws(Errno) -> Outcome {
    let length = Int(UInt32(truncatingIfNeeded: call.arguments.1))
    // kernel/sched/syscalls.c: room for all processors, in words.
    let machine = try machine(call)
    guard length * 8 >= machine.processors, length % 8 == 0 else { throw .invalidArgument }
    let pid = call.kernel.processes.kernelNumber(Int32(truncatingIfNeeded: call.arguments.0))
    let target = affinityTarget(pid, call)
    guard target != nil || exists(pid, call) else { throw .noSuchProcess }
    try call.write(target?.affinity ?? machine.affinity, at: call.arguments.2)
    return .value(8)
  }

  /// It is only kept: which processor a thread runs on is the host's matter.
  @Sendable static func setUniformAffinity(_ call: Call) throws(Errno) -> Outcome {
    var bytes = try call.readBytes(
      at: call.arguments.2, count: min(8, Int(UInt32(truncatingIfNeeded: call.arguments.1))))
    bytes += [UInt8](repeating: 0, count: 8 - bytes.count)
    let mask = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let target = try settableAffinity(call) else { return .value(0) }
    let usable = mask & (try machine(call)).affinity
    guard usable != 0 else { throw .invalidArgument }
    target.affinity = usable
    return .value(0)
  }
}
