import CLinux
import Glibc
import SystemPackage

/// Appends events to the mapped buffer of a run: no system call per event, and what was written outlives the supervisor.
/// A thread that calls `collect` moves them to the run's `perfetto` file meanwhile.
public final class EventWriter: EventSink {
  private let path: String
  private let file: FileDescriptor
  /// The header, and the ring after it.
  private let header: UnsafeMutableRawPointer
  private let ring: UnsafeMutableRawPointer
  private let capacity: UInt64
  /// Of all records ever.
  private var end: UInt64 = 0
  /// End of what the disk has room for.
  private var reserved: UInt64 = 0
  private let collector: EventCollector
  private let callName: CallName
  /// Of the call whose events are being written; the time is 0 between calls.
  private var callTime: UInt64 = 0
  private var callThread: UInt32 = 0
  /// Where the call's first event is, plus 1; 0 if it has none.
  private var callStart: UInt64 = 0
  /// The same of the calls that wait for something, and the least of them.
  private var suspended: [UInt64] = []
  private var firstSuspended = UInt64.max
  /// Records before it are no longer changed, whether their calls were answered or not.
  private var sealed: UInt64 = 0
  /// Why recording has stopped: the disk is full, or the user's limit on a file's size is reached.
  public private(set) var failure: Errno?

  /// - Parameters:
  ///   - trace: the run's directory.
  ///   - callName: for who looks at the trace with programs that do not know.
  ///   - capacity: bytes of records that are not in `perfetto` yet; whoever writes more waits.
  /// - Throws: what creating the files or mapping them failed with.
  public init(trace: String, callName: @escaping CallName = { _ in nil }, capacity: Int = 256 << 20) throws(Errno) {
    let window = EventBuffer.windowSize
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(UInt32(RLIMIT_FSIZE.rawValue)), &limit)
    let allowed = Int(clamping: limit.rlim_cur) - EventBuffer.headerSize
    let capacity = min(capacity, max(allowed, 2 * window)) / window * window
    self.callName = callName
    collector = try EventCollector(trace: trace, callName: callName)
    path = "\(trace)/events"
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    file = FileDescriptor(rawValue: descriptor)
    // Tells that the run goes on, until its writer has gone. Who asks (`TraceDirectory.isInProgress`) holds it for a moment.
    while flock(descriptor, LOCK_EX) < 0, errno == EINTR {}
    let result = posix_fallocate(descriptor, 0, EventBuffer.headerSize)
    let mapped =
      result != 0
      ? MAP_FAILED
      : mmap(nil, EventBuffer.headerSize + capacity, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let mapped, mapped != MAP_FAILED else {
      let failure = Errno(rawValue: result != 0 ? result : errno)
      close(descriptor)
      unlink(path)
      throw failure
    }
    madvise(mapped, EventBuffer.headerSize + capacity, MADV_DONTFORK)
    // There is nothing to read ahead: the kernel would clear 32 pages for the first event.
    madvise(mapped, EventBuffer.headerSize + capacity, MADV_RANDOM)
    header = mapped
    ring = mapped + EventBuffer.headerSize
    self.capacity = UInt64(capacity)
    EventBuffer.store(header, .capacity, UInt64(capacity))
    EventBuffer.store(header, .magic, EventBuffer.magic)
    collector.attach(header, file, capacity: UInt64(capacity))
  }

  deinit {
    collector.stop()
    munmap(header, EventBuffer.headerSize + Int(capacity))
    close(file.rawValue)
  }

  public func append(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    guard failure == nil else { return }
    let count = min(name.count, Int(UInt16.max))
    let size = MemoryLayout<Event>.size + (count + 7) & ~7
    let room = Int(capacity - end % capacity)
    if room < size {
      guard reserve(room) else { return }
      (ring + Int(end % capacity)).storeBytes(of: EventBuffer.wrap, as: UInt8.self)
      end += UInt64(room)
    }
    guard reserve(size) else { return }
    let place = ring + Int(end % capacity)
    var event = event
    event.nameLength = UInt16(count)
    if count < name.count { event.flags |= Event.isCut }
    stamp(&event)
    place.storeBytes(of: event, as: Event.self)
    if let base = name.baseAddress { memcpy(place + MemoryLayout<Event>.size, base, count) }
    end += UInt64(size)
    EventBuffer.store(header, .end, end)
    if callTime == 0 { publish() }
  }

  private func stamp(_ event: inout Event) {
    if callTime != 0, event.time == 0 {
      event.time = callTime
      // A name is the same whoever asks for it first.
      if event.kind != EventKind.node.rawValue { event.thread = callThread }
    }
    if event.time == 0 { event.time = Self.now() }
    if callTime != 0, callStart == 0, !Self.isDefinition(event.kind) { callStart = end + 1 }
  }

  private static func isDefinition(_ kind: UInt8) -> Bool {
    kind == EventKind.node.rawValue || kind == EventKind.environment.rawValue || kind == EventKind.spawn.rawValue
  }

  private static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return rounded(UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }

  /// What the clock of the trace can tell.
  private static func rounded(_ time: UInt64) -> UInt64 { time - time % TraceEncoder.clockUnit }

  // MARK: Calls

  public func beginCall(time: UInt64, thread: UInt32, first: UInt64) {
    callTime = Self.rounded(time)
    callThread = thread
    callStart = first
    if first != 0 { forget { $0 == first } }
  }

  public func suspendCall() -> UInt64 {
    let first = callStart
    callTime = 0
    callStart = 0
    if first != 0 {
      suspended.append(first)
      firstSuspended = min(firstSuspended, first)
    }
    publish()
    return first
  }

  private func forget(_ isGone: (UInt64) -> Bool) {
    suspended.removeAll(where: isGone)
    firstSuspended = suspended.min() ?? .max
  }

  /// The call was answered, this many nanoseconds after its receipt: whole microseconds of them are recorded, at least one.
  public func endCall(duration: UInt64) {
    callTime = 0
    if callStart != 0, callStart > sealed, failure == nil {
      let place = ring + Int((callStart - 1) % capacity) + MemoryLayout<Event>.offset(of: \.duration)!
      // The digits below would double what a call takes in the trace.
      let microseconds = max(1, (min(duration, UInt64(UInt32.max)) + 500) / 1000)
      place.storeBytes(of: UInt32(min(microseconds, 4_294_967) * 1000), as: UInt32.self)
    }
    callStart = 0
    publish()
  }

  /// Says up to where the calls of all records were answered.
  private func publish() {
    var finished = end
    if callStart != 0 { finished = min(finished, callStart - 1) }
    finished = min(finished, firstSuspended - 1)
    EventBuffer.store(header, .finished, max(finished, sealed))
  }

  // MARK: Room

  /// Makes room for more bytes, which do not cross the end of the ring.
  private func reserve(_ size: Int) -> Bool {
    let new = end + UInt64(size)
    while new > reserved {
      guard waitForRoom(upTo: reserved + UInt64(EventBuffer.windowSize)) else { return false }
      // A hole that the disk has no room for would end the supervisor with SIGBUS.
      let offset = EventBuffer.headerSize + Int(reserved % capacity)
      let result = posix_fallocate(file.rawValue, offset, EventBuffer.windowSize)
      guard result == 0 else {
        failure = Errno(rawValue: result)
        return false
      }
      reserved += UInt64(EventBuffer.windowSize)
      collector.wake()
    }
    return true
  }

  private func waitForRoom(upTo offset: UInt64) -> Bool {
    if offset <= collector.released + capacity { return true }
    // A call, or one that waits, that holds up more than the buffer can hold is recorded without its duration.
    sealed = end
    forget { $0 <= sealed }
    publish()
    collector.waitUntilReleased(offset - capacity)
    guard offset <= collector.released + capacity else {
      failure = collector.failure ?? .noSpace
      return false
    }
    return true
  }

  // MARK: The collector

  /// Moves finished records to `perfetto` from now on, until `finish` is called.
  /// - Parameter start: runs what it is given on a thread of its own, or answers false.
  /// - Returns: what `start` has answered. Without a thread the records wait for `finish`, or until there is no room for more.
  public func collect(on start: (@escaping @Sendable () -> Void) -> Bool) -> Bool { collector.start(start) }

  /// Moves now what can be moved, where no thread does.
  func moveFinished() { collector.moveFinished() }

  /// Moves what is left: `perfetto` is the whole record then.
  /// - Throws: why recording has stopped, if it has. What was recorded stays readable.
  public func finish() throws(Errno) {
    collector.stop()
    if let failure { throw failure }
    sealed = end
    publish()
    try collector.finish()
  }

  /// Gives the processes of a record that is whole other numbers. Who follows it goes on to read the one that it has opened.
  public func renumber(_ renumbering: TraceRenumbering) throws(Errno) {
    if renumbering.isEmpty { return }
    EventBuffer.store(header, .isReplaced, 1)
    try renumbering.apply(to: String(path.dropLast("/events".utf8.count)), callName: callName)
  }

  /// Removes the buffer of a record that is whole; as long as it is there, and its writer lives, the run goes on for others.
  public func removeBuffer() throws(Errno) {
    if unlink(path) < 0 { throw Errno(rawValue: errno) }
  }
}
