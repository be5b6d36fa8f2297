import CLinux
import Glibc
import Reproducibility
import SystemPackage

// Calls that wait for at most some time, in a run with a virtual clock. They wait as long as ever; the clock moves by what was waited.
extension Syscalls {
  /// nanosleep(2).
  @Sendable static func nanosleep(_ call: Call) throws(Errno) -> Outcome {
    try wait(call, forTimespecAt: call.arguments.0)
  }

  /// clock_nanosleep(2).
  @Sendable static func clock_nanosleep(_ call: Call) throws(Errno) -> Outcome {
    let flags = Int32(truncatingIfNeeded: call.arguments.1)
    // Of a process, by its number.
    if Int32(truncatingIfNeeded: call.arguments.0) < 0, call.kernel.reproduction.hasProcessNumbers {
      return try withKernelClock(call)
    }
    guard flags & TIMER_ABSTIME != 0 else { return try wait(call, forTimespecAt: call.arguments.2) }
    let clock = Int32(truncatingIfNeeded: call.arguments.0)
    guard let duration = try duration(call, until: call.arguments.2, on: clock) else { return .continue }
    guard duration.nanoseconds > 0 else { return .value(0) }
    return .waiting(SleepUntil(call, for: duration.nanoseconds, until: duration.end))
  }

  /// poll(2), epoll_wait(2): milliseconds in a register.
  @Sendable static func poll(_ call: Call) throws(Errno) -> Outcome {
    wait(call, milliseconds: Int32(truncatingIfNeeded: call.arguments.2))
  }

  @Sendable static func epoll_wait(_ call: Call) throws(Errno) -> Outcome {
    wait(call, milliseconds: Int32(truncatingIfNeeded: call.arguments.3))
  }

  /// ppoll(2), rt_sigtimedwait(2).
  @Sendable static func ppoll(_ call: Call) throws(Errno) -> Outcome {
    try wait(call, forTimespecAt: call.arguments.2)
  }

  /// epoll_pwait2(2), semtimedop(2).
  @Sendable static func epoll_pwait2(_ call: Call) throws(Errno) -> Outcome {
    try wait(call, forTimespecAt: call.arguments.3)
  }

  /// pselect6(2), recvmmsg(2), io_getevents(2), io_pgetevents(2).
  @Sendable static func pselect6(_ call: Call) throws(Errno) -> Outcome {
    try wait(call, forTimespecAt: call.arguments.4)
  }

  /// select(2).
  @Sendable static func select(_ call: Call) throws(Errno) -> Outcome {
    if call.arguments.4 != 0, let time = try? call.read(timeval.self, at: call.arguments.4), time.tv_sec >= 0 {
      let duration =
        UInt64(min(time.tv_sec, 1 << 32)) * 1_000_000_000 + UInt64(max(0, min(time.tv_usec, 1 << 40))) * 1000
      wait(call, for: duration)
    }
    return .continue
  }

  /// futex(2) with a time: a duration for FUTEX_WAIT, a time of the clock for the others. Only the kernel can wait for a mutex with priority
  /// inheritance.
  @Sendable static func futex(_ call: Call) throws(Errno) -> Outcome {
    let operation = Int32(truncatingIfNeeded: call.arguments.1)
    switch operation & 0x7f {
    case 0: return try wait(call, forTimespecAt: call.arguments.3)
    case 9:  // FUTEX_WAIT_BITSET
      let clock = operation & 0x100 != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC  // FUTEX_CLOCK_REALTIME
      guard UInt32(truncatingIfNeeded: call.arguments.5) != 0,
        let duration = try duration(call, until: call.arguments.3, on: clock)
      else { return .continue }
      let value = UInt32(truncatingIfNeeded: call.arguments.2)
      guard try call.read(UInt32.self, at: call.arguments.0) == value else {
        throw .resourceTemporarilyUnavailable
      }
      return .waiting(FutexWait(call, value, for: duration.nanoseconds, until: duration.end))
    case 6: return try translated(call, timeIn: 3, of: CLOCK_REALTIME)  // FUTEX_LOCK_PI
    case 11, 13:  // FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2
      return try translated(call, timeIn: 3, of: operation & 0x100 != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC)
    default: return .continue
    }
  }

  /// futex_wait(2) and futex_waitv(2) with a time of the clock: as before Linux 5.16.
  @Sendable static func futex_waitv(_ call: Call) throws(Errno) -> Outcome { throw .noFunction }

  /// wait4(2): whom the process has waited for, it has seen.
  @Sendable static func wait4(_ call: Call) throws(Errno) -> Outcome {
    lookAtChildren(call)
    return withKernelNumbers(call, in: [0])
  }

  /// waitid(2), with P_PID and P_PGID.
  @Sendable static func waitid(_ call: Call) throws(Errno) -> Outcome {
    lookAtChildren(call)
    return withKernelNumber(call, ifKindIsOneOf: 1...2)
  }

  private static func lookAtChildren(_ call: Call) {
    call.kernel.look(atChildrenOf: call.thread.group, call.kernel.clock(of: call.thread.group))
  }

  private static func wait(_ call: Call, milliseconds: Int32) -> Outcome {
    if milliseconds > 0 { wait(call, for: UInt64(milliseconds) * 1_000_000) }
    return .continue
  }

  /// What cannot be read, or is none, the kernel complains of.
  private static func wait(_ call: Call, forTimespecAt address: UInt64) throws(Errno) -> Outcome {
    if address != 0, let time = try? call.read(timespec.self, at: address), let duration = try? time.nanoseconds() {
      wait(call, for: duration)
    }
    return .continue
  }

  private static func wait(_ call: Call, for duration: UInt64) {
    guard duration > 0 else { return }
    let now = call.kernel.ask(call)
    call.thread.wait = TimedWait(
      hostEnd: call.notification.time &+ duration, end: now &+ duration, interval: duration,
      isOfRuntime: runtimeWaits.contains(call.notification.number))
  }

  private static let runtimeWaits = [SyscallNumber.futex, .epoll_pwait, .epoll_pwait2].map(\.rawValue)

  /// How long it is to a time of one of the guest's clocks; nil if the kernel is to complain, or to go by a processor's time.
  static func duration(
    _ call: Call, until address: UInt64, on clock: Int32
  ) throws(Errno) -> (nanoseconds: UInt64, end: UInt64)? {
    guard let given = try? call.read(timespec.self, at: address),
      let time = try? given.nanoseconds()
    else { return nil }
    // clock_nanosleep(2): the others are the kernel's to refuse.
    guard [CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI].contains(clock) else { return nil }
    let now = call.kernel.ask(call)
    guard let shown = try? wallTime(of: clock, now, call) else { return nil }
    return (time > shown ? time - shown : 0, time > shown ? now + (time - shown) : now)
  }
}

/// A call that the supervisor lets wait, since its time is one of the guest's clock, which the kernel does not know.
public class DeadlineWait: @unchecked Sendable {
  let kernel: VirtualKernel
  let thread: Thread
  let notification: UInt64
  /// On CLOCK_MONOTONIC of the host's.
  public let hostEnd: UInt64
  /// When it was received, on the same.
  let hostStart: UInt64
  private let end: UInt64
  private let duration: UInt64

  init(_ call: Call, for duration: UInt64, until end: UInt64) {
    kernel = call.kernel
    thread = call.thread
    notification = call.notification.id
    hostStart = call.notification.time
    hostEnd = thread.deadlines.hostEnd(of: end, else: hostStart &+ duration)
    self.end = end
    self.duration = duration
  }

  /// Whether the thread still waits: it may have been killed.
  public var isWaiting: Bool { kernel.memory.isWaiting(notification) }

  /// The time is over. Runs under the virtual kernel's lock.
  public func expire() -> Result<Int64, Errno> {
    kernel.finish(
      wait: TimedWait(hostEnd: hostEnd, end: end, interval: duration, isOfRuntime: isOfRuntime), of: thread)
    return timeoutResult
  }

  /// Looks whether the wait is over before its time. Runs without the lock.
  /// - Parameter hostTime: now.
  /// - Returns: what the call then returns.
  public func poll(at hostTime: UInt64) -> Result<Int64, Errno>? { nil }

  var timeoutResult: Result<Int64, Errno> { .success(0) }
  /// As `TimedWait` has it.
  var isOfRuntime: Bool { false }
}

/// clock_nanosleep(2) with TIMER_ABSTIME.
private final class SleepUntil: DeadlineWait, @unchecked Sendable {
  private static let patience: UInt64 = 10_000_000
  private var lastLook: UInt64 = 0

  /// A call that was received is interrupted by no signal, so those that wait are looked for.
  override func poll(at hostTime: UInt64) -> Result<Int64, Errno>? {
    guard hostTime &- lastLook >= Self.patience else { return nil }
    lastLook = hostTime
    switch kernel.information.pendingSignal(of: thread.id) {
    case .none: return nil
    // Until the kernel knows whether a handler runs or the process has only been stopped, it may have to make the call again.
    case .own: return .failure(Errno(rawValue: 514))  // ERESTARTNOHAND
    case .ofProcess: return .failure(.interrupted)
    }
  }
}

/// futex(2) with FUTEX_WAIT_BITSET. Who wakes others changes the word before; that it is changed is seen here, and that somebody is woken is not.
/// futex(2) lets a wait end without a cause, so it ends after a while, also for the sake of signals.
private final class FutexWait: DeadlineWait, @unchecked Sendable {
  private static let patience: UInt64 = 20_000_000
  private let address: UInt64
  private let value: UInt32

  init(_ call: Call, _ value: UInt32, for duration: UInt64, until end: UInt64) {
    address = call.arguments.0
    self.value = value
    super.init(call, for: duration, until: end)
  }

  override func poll(at hostTime: UInt64) -> Result<Int64, Errno>? {
    var word: UInt32 = 0
    let count = withUnsafeMutableBytes(of: &word) { try? kernel.memory.read(thread.id, at: address, into: $0) }
    if count == 4, word == value, hostTime &- hostStart < Self.patience { return nil }
    return .success(0)
  }

  override var timeoutResult: Result<Int64, Errno> { .failure(.timedOut) }
  override var isOfRuntime: Bool { true }
}
