import Glibc
import SystemPackage

/// Appends events to a file through a mapped window: no system call per event, and what was written outlives the supervisor.
public final class EventWriter: EventSink {
  private let file: FileDescriptor
  private static let windowSize = 1 << 20
  private var window: UnsafeMutableRawPointer?
  private var windowStart = 0
  /// In the window.
  private var end = 0
  /// Of the call whose events are being written; the time is 0 between calls.
  private var callTime: UInt64 = 0
  private var callThread: UInt32 = 0
  /// Where in the file the call's first event is, plus 1; 0 if it has none.
  private var callStart: UInt64 = 0
  /// Why recording has stopped: the disk is full, or the user's limit on a file's size is reached.
  public private(set) var failure: Errno?

  /// - Throws: what creating the file or mapping it failed with.
  public init(path: String) throws(Errno) {
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    file = FileDescriptor(rawValue: descriptor)
    try map(at: 0)
  }

  deinit {
    if let window { munmap(window, Self.windowSize) }
    close(file.rawValue)
  }

  public func append(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    let size = MemoryLayout<Event>.size + (name.count + 7) & ~7
    if end + size > Self.windowSize { advance() }
    guard failure == nil, let window else { return }
    var event = event
    event.nameLength = UInt16(name.count)
    if callTime != 0, event.time == 0 {
      event.time = callTime
      event.thread = callThread
    }
    if event.time == 0 { event.time = Self.now() }
    if callTime != 0, callStart == 0, !Self.isDefinition(event.kind) { callStart = UInt64(windowStart + end) + 1 }
    if let base = name.baseAddress {
      memcpy(window + end + MemoryLayout<Event>.size, base, name.count)
    }
    // The kind comes last in effect: a reader of a file whose writer was killed stops at a record without one.
    (window + end).storeBytes(of: event, as: Event.self)
    end += size
  }

  public func beginCall(time: UInt64, thread: UInt32, first: UInt64) {
    callTime = time
    callThread = thread
    callStart = first
  }

  public func suspendCall() -> UInt64 {
    callTime = 0
    defer { callStart = 0 }
    return callStart
  }

  public func endCall(duration: UInt64) {
    callTime = 0
    guard callStart != 0, failure == nil else { return }
    var duration = UInt32(clamping: duration)
    let offset = Int(callStart - 1) + MemoryLayout<Event>.offset(of: \.duration)!
    callStart = 0
    if offset >= windowStart, let window {
      (window + (offset - windowStart)).storeBytes(of: duration, as: UInt32.self)
    } else {
      // A call that had to wait while others filled the window.
      pwrite(file.rawValue, &duration, MemoryLayout<UInt32>.size, off_t(offset))
    }
  }

  private static func isDefinition(_ kind: UInt8) -> Bool {
    kind == EventKind.node.rawValue || kind == EventKind.environment.rawValue || kind == EventKind.spawn.rawValue
  }

  private static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  private func advance() {
    guard failure == nil else { return }
    do throws(Errno) {
      // Records do not cross pages of the file that are not mapped: the next window begins at the last page of this one.
      let page = end & ~4095
      let next = windowStart + page
      if let window { munmap(window, Self.windowSize) }
      window = nil
      end -= page
      try map(at: next)
    } catch {
      failure = error
    }
  }

  private func map(at offset: Int) throws(Errno) {
    // A hole that the disk has no room for would end the supervisor with SIGBUS.
    let result = posix_fallocate(file.rawValue, offset, Self.windowSize)
    guard result == 0 else { throw Errno(rawValue: result) }
    guard
      let mapped = mmap(nil, Self.windowSize, PROT_READ | PROT_WRITE, MAP_SHARED, file.rawValue, offset),
      mapped != MAP_FAILED
    else { throw Errno(rawValue: errno) }
    window = mapped
    windowStart = offset
  }

  /// Cuts the file after its last event.
  public func finish() throws(Errno) {
    if let failure { throw failure }
    if ftruncate(file.rawValue, windowStart + end) < 0 { throw Errno(rawValue: errno) }
  }
}
