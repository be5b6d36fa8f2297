import CLinux
import Glibc
import SystemPackage

/// A call that its thread was made to make again with a time of the machine's clock.
struct TranslatedTime: BitwiseCopyable {
  /// Where that stands in the guest's memory.
  let address: UInt64
  let wait: TimedWait
}

// Calls that only the kernel can wait in, until a time of the guest's clock, which it does not know: they are made again by the caller with the
// machine's time in its place. That stands where the kernel's own code for clock_gettime(2) was (vdso(7)), behind the few bytes that are now there.
extension Syscalls {
  private static let placeSize: UInt64 = 32

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
    if let own = call.thread.translatedTime, own.address == address {
      call.thread.wait = own.wait
      return .continue
    }
    guard let duration = try duration(call, until: address, on: clock), let place = place(for: call) else {
      return .continue
    }
    let hostEnd = call.notification.time &+ duration.nanoseconds
    let end = clock == CLOCK_REALTIME ? call.kernel.host.now().sinceEpoch + duration.nanoseconds : hostEnd
    guard put(timespec(nanoseconds: end), at: place, call) else { return .continue }
    let wait = TimedWait(hostEnd: hostEnd, end: duration.end, interval: duration.nanoseconds)
    call.thread.translatedTime = TranslatedTime(address: place, wait: wait)
    withUnsafeMutableBytes(of: &arguments) { $0.storeBytes(of: place, toByteOffset: argument * 8, as: UInt64.self) }
    return .repeated(arguments: arguments)
  }

  /// timer_settime(2) with a time becomes one with a duration, which the kernel measures.
  static func translatedTimer(_ call: Call, _ interval: UInt64, until address: UInt64) throws(Errno) -> Outcome {
    guard let clock = clock(ofTimer: Int32(truncatingIfNeeded: call.arguments.0), call),
      let duration = try duration(call, until: address, on: clock), let place = place(for: call)
    else { return .continue }
    // One that is over goes off at once; 0 would stop the timer.
    let first = timespec(nanoseconds: max(1, duration.nanoseconds))
    guard put((timespec(nanoseconds: interval), first), at: place, call) else { return .continue }
    var arguments = call.arguments
    arguments.1 &= ~UInt64(TIMER_ABSTIME)
    arguments.2 = place
    return .repeated(arguments: arguments)
  }

  /// proc_pid_timers(5): the lines of a timer begin with its number, and the last tells its clock.
  private static func clock(ofTimer timer: Int32, _ call: Call) -> Int32? {
    var text: [UInt8] = []
    guard (try? call.kernel.information.readProc("\(call.thread.group.nsID.rawValue)/timers", into: &text)) != nil
    else { return nil }
    let wanted = Array("ID: \(timer)".utf8)
    var isWanted = false
    for line in text.lazy.split(separator: 0x0a) {
      if line.starts(with: "ID: ".utf8) { isWanted = line.elementsEqual(wanted) }
      if isWanted, line.starts(with: "ClockID: ".utf8) {
        return Int32(String(decoding: line.dropFirst(9), as: UTF8.self))
      }
    }
    return nil
  }

  /// A place that the thread has for itself as long as it lives: a signal's handler may come between the call and its repetition. nil if
  /// there are more such threads than places.
  private static func place(for call: Call) -> UInt64? {
    let (thread, group, room) = (call.thread, call.thread.group, call.kernel.reproduction.vdsoRoom)
    let count = (room.upperBound - room.lowerBound) / placeSize
    guard count > 0, let image = call.kernel.information.image(of: thread.id), image.vdso != 0 else { return nil }
    let index: Int
    if let own = group.timePlaces.firstIndex(of: thread.id) {
      index = own
    } else if group.timePlaces.count < Int(count) {
      index = group.timePlaces.count
      group.timePlaces.append(thread.id)
    } else {
      let isFree: (AbsTid) -> Bool = { !call.kernel.information.isThread($0, of: group.id) }
      guard let free = group.timePlaces.firstIndex(where: isFree) else { return nil }
      index = free
      group.timePlaces[free] = thread.id
    }
    return image.vdso + room.lowerBound + UInt64(index) * placeSize
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
  /// Whether a call that its caller cannot make again, since another process traces it, then goes by the machine's clock.
  public func isTranslated(_ number: Int32) -> Bool {
    [SyscallNumber.futex, .timer_settime, .mq_timedsend, .mq_timedreceive].contains { $0.rawValue == number }
  }
}
