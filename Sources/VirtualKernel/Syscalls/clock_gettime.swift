import CLinux
import Glibc
import Reproducibility
import SystemPackage

private let billion: UInt64 = 1_000_000_000

extension timespec {
  init(nanoseconds: UInt64) {
    self.init(tv_sec: Int(nanoseconds / billion), tv_nsec: Int(nanoseconds % billion))
  }

  /// - Throws: `.invalidArgument` as the kernel does (timespec64_valid of include/linux/time64.h).
  func nanoseconds() throws(Errno) -> UInt64 {
    guard tv_sec >= 0, (0..<Int(billion)).contains(tv_nsec) else { throw .invalidArgument }
    // The rest of this century and the next, as far as any clock here goes.
    guard tv_sec < 1 << 32 else { return .max / 4 }
    return UInt64(tv_sec) * billion + UInt64(tv_nsec)
  }
}

// Every way to ask for the time in a run with a virtual clock.
extension Syscalls {
  /// clock_gettime(2).
  @Sendable static func clock_gettime(_ call: Call) throws(Errno) -> Outcome {
    let id = Int32(truncatingIfNeeded: call.arguments.0)
    try call.write(timespec(nanoseconds: try time(of: id, call)), at: call.arguments.1)
    return .value(0)
  }

  private static func time(of clock: Int32, _ call: Call) throws(Errno) -> UInt64 {
    let now = call.kernel.ask(call)
    if let time = try wallTime(of: clock, now, call) { return time }
    guard clock < 0 else { return call.kernel.clock(of: call.thread.group).used }
    // clock_getcpuclockid(3): ~pid << 3, 4 for one thread, and one of three kinds of time. 3 is a descriptor of a device.
    guard clock & 3 != 3 else { throw .invalidArgument }
    let id = ~(clock >> 3)
    guard id != 0 else { return call.kernel.clock(of: call.thread.group).used }
    let number = call.kernel.processes.kernelNumber(id)
    guard let thread = call.kernel.processes.findThread(NsTid(rawValue: number)), clock & 4 != 0 || thread.isLeader
    else {
      throw .invalidArgument
    }
    return call.kernel.clock(of: thread.group).used
  }

  /// What a clock of the machine's shows at a time; nil for one of a process or thread.
  static func wallTime(of clock: Int32, _ time: UInt64, _ call: Call) throws(Errno) -> UInt64? {
    guard let rule = call.kernel.reproduction.clock else { throw .noFunction }
    switch clock {
    case CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_REALTIME_ALARM, CLOCK_TAI: return time
    case CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM:
      return rule.monotonic(time)
    case CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID: return nil
    default:
      guard clock < 0 else { throw .invalidArgument }
      return nil
    }
  }

  /// gettimeofday(2).
  @Sendable static func gettimeofday(_ call: Call) throws(Errno) -> Outcome {
    if call.arguments.0 != 0 {
      let now = call.kernel.ask(call)
      let time = timeval(tv_sec: Int(now / billion), tv_usec: Int(now % billion / 1000))
      try call.write(time, at: call.arguments.0)
    }
    // struct timezone: the kernel's own, which is UTC.
    if call.arguments.1 != 0 { try call.write(UInt64(0), at: call.arguments.1) }
    return .value(0)
  }

  /// time(2).
  @Sendable static func time(_ call: Call) throws(Errno) -> Outcome {
    let seconds = Int64(call.kernel.ask(call) / billion)
    if call.arguments.0 != 0 { try call.write(seconds, at: call.arguments.0) }
    return .value(seconds)
  }

  /// times(2). A hundred to the second.
  @Sendable static func times(_ call: Call) throws(Errno) -> Outcome {
    guard let rule = call.kernel.reproduction.clock else { throw .noFunction }
    let now = call.kernel.ask(call)
    if call.arguments.0 != 0 {
      let clock = call.kernel.clock(of: call.thread.group)
      let ticks = SIMD4<UInt64>(clock.used / 10_000_000, 0, clock.usedByChildren / 10_000_000, 0)
      try call.write(ticks, at: call.arguments.0)
    }
    return .value(Int64(rule.monotonic(now) / 10_000_000))
  }

  /// getrusage(2): processor time is what the clock has moved by. What memory, page faults and switches there were depends on the machine.
  @Sendable static func getrusage(_ call: Call) throws(Errno) -> Outcome {
    let who = Int32(truncatingIfNeeded: call.arguments.0)
    guard (-1...1).contains(who) else { throw .invalidArgument }  // RUSAGE_CHILDREN, RUSAGE_SELF, RUSAGE_THREAD
    _ = call.kernel.ask(call)
    let clock = call.kernel.clock(of: call.thread.group)
    let used = who == -1 ? clock.usedByChildren : clock.used
    // struct rusage: two times of seconds and microseconds, ru_maxrss in KiB, and thirteen numbers more.
    var usage = [Int64](repeating: 0, count: 18)
    (usage[0], usage[1]) = (Int64(used / billion), Int64(used % billion / 1000))
    usage[4] = 16384
    try call.write(contentsOf: usage, at: call.arguments.1)
    return .value(0)
  }

  /// adjtimex(2) and clock_adjtime(2) tell the machine's time.
  @Sendable static func adjtimex(_ call: Call) throws(Errno) -> Outcome { throw .notPermitted }
}
