import CGuest
import Glibc
import VirtualKernel

/// The resource limits (setrlimit(2)) that the guest is started with.
enum ResourceLimits {
  /// What the kernel counts for all processes of a user together: how many quarters of what is left of it the guest may use up, so that
  /// the user's other programs find some.
  private static let shares: [(resource: UInt32, quarters: UInt64)] = [
    (processes, 3), (__RLIMIT_MSGQUEUE.rawValue, 3), (__RLIMIT_SIGPENDING.rawValue, 2),
  ]
  private static let processes = __RLIMIT_NPROC.rawValue

  /// What the user's processes have of it, as far as the kernel tells (proc_pid_status(5), SigQ): guests beside this one have their
  /// shares already.
  private static func used(_ resource: UInt32) -> UInt64 {
    guard resource == __RLIMIT_SIGPENDING.rawValue, let status = LimitEnforcer.read("/proc/self/status"),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("SigQ:") })
    else { return 0 }
    return UInt64(line.dropFirst(5).prefix { $0 != "/" }.drop { $0 == "\t" || $0 == " " }) ?? 0
  }

  /// Those that the command sets itself.
  /// - Parameter isUniform: where it can be told, they are the same on every machine: by the stack's the kernel places what is mapped, and
  ///   by that of open files a program may find that there are too many.
  static func all(_ limits: Limits, isUniform: Bool = false) -> [uwrx_limit] {
    var result: [uwrx_limit] = []
    func add(_ resource: UInt32, _ soft: UInt64, hard: UInt64) {
      let most = min(hard, UInt64(current(resource).rlim_max))
      result.append(uwrx_limit(resource: Int32(resource), soft: min(soft, most), hard: most))
    }
    for (resource, quarters) in shares {
      let own = UInt64(current(resource).rlim_cur)
      var most = own == .max ? own : (own - min(own, used(resource))) / 4 * quarters
      // Guest init counts too, and is not the guest's.
      if resource == processes, let wanted = limits.processes { most = min(most, UInt64(wanted) + 1) }
      if most != .max { add(resource, most, hard: most) }
    }
    if let size = limits.largestFile?.size {
      add(RLIMIT_FSIZE.rawValue, UInt64(size), hard: UInt64(size))
    }
    // The kernel multiplies with 10^9 in 64 bits.
    if let time = limits.processorTime, time < 1e9 {
      let seconds = UInt64(time.rounded(.up))
      // At the soft one the kernel only warns.
      add(RLIMIT_CPU.rawValue, seconds, hard: seconds + 2)
    }
    // No core files: the kernel would write them into the skeleton root, which nobody sees, or pipe them to a program of the host's, which is
    // run whatever the limit is, but not at 1 (core(5), fs/coredump.c). The guest cannot change it (prlimit64.swift).
    add(RLIMIT_CORE.rawValue, 1, hard: 1)
    if isUniform { add(RLIMIT_STACK.rawValue, uniformStack, hard: .max) }
    return result
  }

  /// That of open files, which the command is given once it has handed over its listener. With it, it might not be able to: what other
  /// processes of the user's have sent and nobody has received yet counts against it (unix(7), ETOOMANYREFS).
  static func openFiles(_ limits: Limits, isUniform: Bool) -> ResourceLimit {
    let wanted = limits.openFiles.map { UInt64($0) }
    let files = openFiles(current(RLIMIT_NOFILE.rawValue))
    let hard = min(wanted ?? .max, files.hard)
    return ResourceLimit(soft: min(wanted ?? (isUniform ? uniformOpenFiles : files.soft), hard), hard: hard)
  }

  private static let uniformOpenFiles: UInt64 = 1024
  private static let uniformStack: UInt64 = 8 << 20

  /// Guest init, which has the user's hard limit, must be able to send descriptors when the guest has sent as many as it may
  /// (unix(7), ETOOMANYREFS): one message brings up to 253 beyond the limit.
  private static func openFiles(_ own: rlimit) -> (soft: UInt64, hard: UInt64) {
    let most = UInt64(own.rlim_max)
    let hard = most - min(1024, most / 4)
    return (min(UInt64(own.rlim_cur), hard), hard)
  }

  private static func current(_ resource: UInt32) -> rlimit {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(resource), &limit)
    return limit
  }
}
