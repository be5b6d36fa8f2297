import CLinux
import Glibc
import Reproducibility
import SystemPackage

/// A timer of a process: alarm(2) and setitimer(2) have one, timer_create(2) and timerfd_create(2) many.
enum TimerKey: Hashable {
  case real
  case created(Int32)
  case descriptor(Int32)
}

/// Of those of one process that move its clock.
private let mostTimers = 1024

// Timers in a run with a virtual clock: when one has gone off, the clock stands at least where it was to go off.
extension Syscalls {
  /// alarm(2).
  @Sendable static func alarm(_ call: Call) throws(Errno) -> Outcome {
    arm(call, .real, UInt64(UInt32(truncatingIfNeeded: call.arguments.0)) * 1_000_000_000, interval: 0)
    return .continue
  }

  /// setitimer(2). ITIMER_VIRTUAL and ITIMER_PROF go by processor time.
  @Sendable static func setitimer(_ call: Call) throws(Errno) -> Outcome {
    guard UInt32(truncatingIfNeeded: call.arguments.0) == 0, call.arguments.1 != 0,
      let value = try? call.read((timeval, timeval).self, at: call.arguments.1)
    else {
      return .continue
    }
    func nanoseconds(_ time: timeval) -> UInt64? {
      guard time.tv_sec >= 0, (0..<1_000_000).contains(time.tv_usec) else { return nil }
      return UInt64(min(time.tv_sec, 1 << 32)) * 1_000_000_000 + UInt64(time.tv_usec) * 1000
    }
    if let interval = nanoseconds(value.0), let first = nanoseconds(value.1) {
      arm(call, .real, first, interval: interval)
    }
    return .continue
  }

  /// timer_settime(2).
  @Sendable static func timer_settime(_ call: Call) throws(Errno) -> Outcome {
    guard let (interval, first) = try? intervals(call, at: call.arguments.2) else { return .continue }
    if call.arguments.1 & UInt64(TIMER_ABSTIME) != 0, first != 0 {
      return try translatedTimer(call, interval, until: call.arguments.2 + 16)
    }
    arm(call, .created(Int32(truncatingIfNeeded: call.arguments.0)), first, interval: interval)
    return .continue
  }

  /// timerfd_settime(2). A time of the guest's clock becomes a duration, which the kernel measures.
  @Sendable static func timerfd_settime(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    let flags = Int32(truncatingIfNeeded: call.arguments.1)
    guard let (interval, first) = try? intervals(call, at: call.arguments.2), flags & ~3 == 0 else { return .continue }
    guard flags & 1 != 0, first != 0, let rule = call.kernel.reproduction.clock else {  // TFD_TIMER_ABSTIME
      arm(call, .descriptor(descriptor), first, interval: interval)
      return .continue
    }
    let file = try call.kernel.descriptors.duplicate(descriptor, of: call.thread.group)
    defer { call.kernel.descriptors.release(file) }
    let now = call.kernel.ask(call)
    let isMonotonic = try call.kernel.descriptors.isMonotonicTimer(file)
    let end = isMonotonic ? rule.time(atMonotonic: first) : first
    let duration = end > now ? min(end - now, .max / 4) : 1
    let old = try call.kernel.descriptors.setTimer(file, first: duration, interval: interval)
    if call.arguments.3 != 0 { try call.write(old, at: call.arguments.3) }
    arm(call, .descriptor(descriptor), duration, interval: interval)
    return .value(0)
  }

  private static func intervals(_ call: Call, at address: UInt64) throws(Errno) -> (interval: UInt64, first: UInt64) {
    let value = try call.read((timespec, timespec).self, at: address)
    return (try value.0.nanoseconds(), try value.1.nanoseconds())
  }

  private static func arm(_ call: Call, _ timer: TimerKey, _ first: UInt64, interval: UInt64) {
    let group = call.thread.group
    guard first > 0 else {
      group.timers[timer] = nil
      return
    }
    // The kernel has not looked at the number yet, which may be any.
    guard group.timers.count < mostTimers || group.timers[timer] != nil else { return }
    group.timers[timer] = TimedWait(
      hostEnd: call.notification.time &+ first, end: call.kernel.ask(call) &+ first, interval: interval)
  }
}
