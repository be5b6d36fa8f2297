import CLinux
import Glibc
import SystemPackage
import Tracing

/// A call that its thread was made to make again with a time of the machine's clock.
struct TranslatedTime: BitwiseCopyable {
  /// Where that stands in the guest's memory.
  let address: UInt64
  let wait: TimedWait
}

// Calls that only the kernel can wait in, until a time of the guest's clock, which it does not know: they are made again by the caller with the
// machine's time in its place. That stands where the kernel's own code for the time was (vdso(7)), behind the few bytes that are now there.
extension Syscalls {
  /// mq_timedsend(2), mq_timedreceive(2).
  @Sendable static func mq_timed(_ call: Call) throws(Errno) -> Outcome {
    try translated(call, timeIn: 4, of: CLOCK_REALTIME)
  }

  /// - Parameters:
  ///   - argument: which of the call's is the address of a `struct timespec`.
  ///   - clock: whose time that is.
  static func translated(_ call: Call, timeIn argument: Int, of clock: Int32) throws(Errno) -> Outcome {
    var arguments = call.arguments
    let address = withUnsafeBytes(of: arguments) { $0.load(fromByteOffset: argument * 8, as: UInt64.self) }
    let places = call.kernel.timePlaces(of: call.thread.group)
    if let own = places.time(of: call.thread.id, at: address) {
      call.thread.wait = own.wait
      return .continue
    }
    guard let duration = try duration(call, until: address, on: clock), let place = place(in: places, for: call) else {
      return .continue
    }
    let hostEnd = call.thread.deadlines.hostEnd(
      of: duration.end, else: call.notification.time &+ duration.nanoseconds)
    // What is left of a wait that was interrupted.
    let left = hostEnd > call.notification.time ? hostEnd - call.notification.time : 0
    let end = clock == CLOCK_REALTIME ? call.kernel.host.now().sinceEpoch &+ left : hostEnd
    guard put(timespec(nanoseconds: end), at: place.address, call) else { return .continue }
    let wait = TimedWait(hostEnd: hostEnd, end: duration.end, interval: duration.nanoseconds)
    places.put(TranslatedTime(address: place.address, wait: wait), in: place.index)
    withUnsafeMutableBytes(of: &arguments) {
      $0.storeBytes(of: place.address, toByteOffset: argument * 8, as: UInt64.self)
    }
    return .repeated(arguments: arguments)
  }

  /// timer_settime(2) with a time becomes one with a duration, which the kernel measures.
  static func translatedTimer(_ call: Call, _ interval: UInt64, until address: UInt64) throws(Errno) -> Outcome {
    let places = call.kernel.timePlaces(of: call.thread.group)
    guard let clock = clock(ofTimer: Int32(truncatingIfNeeded: call.arguments.0), call),
      let duration = try duration(call, until: address, on: clock), let place = place(in: places, for: call)
    else { return .continue }
    // One that is over goes off at once; 0 would stop the timer.
    let first = timespec(nanoseconds: max(1, duration.nanoseconds))
    guard put((timespec(nanoseconds: interval), first), at: place.address, call) else { return .continue }
    var arguments = call.arguments
    arguments.1 &= ~UInt64(TIMER_ABSTIME)
    arguments.2 = place.address
    return .repeated(arguments: arguments)
  }

  /// As long as its process runs one program a timer's number is no other's.
  private static func clock(ofTimer timer: Int32, _ call: Call) -> Int32? {
    let group = call.thread.group
    if let known = group.timerClocks[timer] { return known }
    if group.timerClocks.count > mostTimerClocks { group.timerClocks.removeAll() }
    group.timerClocks.merge(call.kernel.information.timerClocks(of: group.nsID, until: timer)) { $1 }
    return group.timerClocks[timer]
  }

  private static let mostTimerClocks = 1 << 16

  private static func place(in places: TimePlaces, for call: Call) -> (address: UInt64, index: Int)? {
    let (thread, information) = (call.thread, call.kernel.information)
    let room = call.kernel.reproduction.vdsoPlaces
    guard !room.isEmpty, let image = information.image(of: thread.id), image.vdso != 0,
      let index = places.take(
        for: thread.id, of: thread.group.id, stack: information.stackPointer(of: thread.id), count: room.count,
        isThread: { information.isThread($0, of: $1) })
    else { return nil }
    return (image.vdso + room[index], index)
  }

  private static func put<Value: BitwiseCopyable>(_ value: Value, at place: UInt64, _ call: Call) -> Bool {
    let bytes = withUnsafeBytes(of: value) { Array($0) }
    do throws(Errno) {
      try call.kernel.memory.patch(
        call.thread.id, of: call.thread.group, at: place, [CodePatch(offset: 0, bytes: bytes)])
    } catch { return false }
    return true
  }
}

extension VirtualKernel {
  /// Of the memory that the process has, which it may share with its parent: vfork(2), posix_spawn(3), clone(2) with CLONE_VM.
  func timePlaces(of group: ThreadGroup) -> TimePlaces {
    // What it knows holds until its next execve(2).
    var sharing: [ThreadGroup] = []
    var next: ThreadGroup? = group
    var places: TimePlaces?
    while places == nil, let one = next {
      sharing.append(one)
      places = one.timePlaces
      // A number may have become another's, and a chain of parents a ring.
      guard sharing.count <= processes.groups.count, let parent = processes.groups[one.parent],
        information.sharesMemory(one.id, parent.id)
      else { break }
      next = parent
    }
    let found = places ?? TimePlaces()
    for one in sharing { one.timePlaces = found }
    return found
  }

  /// Whether a call may last for as long as it likes. ptrace(2) may stop who calls.
  public static func mayWait(_ number: Int32) -> Bool {
    [SyscallNumber.futex, .mq_timedsend, .mq_timedreceive, .clock_nanosleep, .wait4, .waitid, .ptrace].contains {
      $0.rawValue == number
    }
  }

  /// Whether a call that its caller cannot make again, since another process traces it, then goes by the machine's clock.
  public func isTranslated(_ number: Int32) -> Bool {
    [SyscallNumber.futex, .timer_settime, .mq_timedsend, .mq_timedreceive].contains { $0.rawValue == number }
  }
}
