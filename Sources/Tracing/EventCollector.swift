import CLinux
import Glibc
import Synchronization
import SystemPackage

/// Moves the records of a run's buffer to its `perfetto` file.
///
/// It shares nothing with the writer but the words of the header and two counters of the kernel's, on which each waits for
/// the other.
final class EventCollector: @unchecked Sendable {
  /// While there is less, waiting makes the packets smaller: each is compressed by itself.
  private static let worthwhile = UInt64(EventBuffer.windowSize)
  /// How often it looks, in milliseconds, and after how many looks it moves whatever there is.
  private static let interval: Int32 = 200
  private static let patience = 150
  /// Most bytes between two entries in the header.
  private static let stride = UInt64(4 * EventBuffer.windowSize)

  private let output: TraceFile
  private var header: UnsafeMutableRawPointer!
  private var file = FileDescriptor(rawValue: -1)
  private var capacity: UInt64 = 0
  private var drained: UInt64 = 0
  private let encoder: TraceEncoder
  /// Makes `files.meta` meanwhile; the encoder knows the names.
  private let meta: MetaWriter
  private let metaFile: FileDescriptor
  /// The collector has to do, and the writer has room (eventfd(2)).
  private let work: FileDescriptor
  private let room: FileDescriptor
  private var isRunning = false
  /// Held while records are moved by the thread: who waits for its end need not wait until it runs, which can be long.
  private let moving = Mutex(())
  /// Words that both sides see: what was given back, whether to stop, the errno that it failed with, and whether the writer waits.
  private let words: UnsafeMutablePointer<UInt64>

  init(trace: String, callName: @escaping CallName) throws(Errno) {
    encoder = TraceEncoder(callName: callName)
    output = try TraceFile(creating: "\(trace)/perfetto")
    let descriptor = open("\(trace)/files.meta", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    metaFile = FileDescriptor(rawValue: descriptor)
    meta = MetaWriter(file: metaFile)
    words = .allocate(capacity: 4)
    words.initialize(repeating: 0, count: 4)
    work = try Self.counter(waits: 0)
    room = try Self.counter(waits: 1)
  }

  private static func counter(waits: Int32) throws(Errno) -> FileDescriptor {
    let descriptor = uwrx_eventfd(waits)
    guard descriptor >= 0 else { throw Errno(rawValue: Int32(-descriptor)) }
    return FileDescriptor(rawValue: Int32(descriptor))
  }

  deinit {
    for descriptor in [work, room, metaFile] { close(descriptor.rawValue) }
    words.deallocate()
  }

  func attach(_ header: UnsafeMutableRawPointer, _ file: FileDescriptor, capacity: UInt64) {
    self.header = header
    self.file = file
    self.capacity = capacity
  }

  // MARK: For the writer

  /// End of the records whose place can be written again.
  var released: UInt64 { uwrx_load(words) }
  /// Why no more records are moved.
  var failure: Errno? {
    let number = uwrx_load(words + 2)
    return number == 0 ? nil : Errno(rawValue: Int32(number))
  }
  private var isStopping: Bool { uwrx_load(words + 1) != 0 }

  func wake() { Self.signal(work) }

  /// Returns at once if that cannot be.
  func waitUntilReleased(_ offset: UInt64) {
    uwrx_store(words + 3, 1)
    defer { uwrx_store(words + 3, 0) }
    while released < offset, failure == nil {
      guard isRunning else {
        drain()
        return
      }
      wake()
      Self.wait(room)
    }
  }

  func start(_ start: (@escaping @Sendable () -> Void) -> Bool) -> Bool {
    isRunning = start { self.run() }
    return isRunning
  }

  func moveFinished() { if !isRunning { drain() } }

  func stop() {
    guard isRunning else { return }
    moving.withLock { _ in uwrx_store(words + 1, 1) }
    wake()
    isRunning = false
  }

  /// Moves all records there are.
  func finish() throws(Errno) {
    drain()
    if let failure { throw failure }
    encoder.finish()
    do throws(Errno) {
      try output.flush(&encoder.packets)
      try meta.flush()
    } catch {
      output.cut(to: EventBuffer.progress(header).length)
      throw error
    }
    EventBuffer.setProgress(header, EventBuffer.Progress(drained: drained, length: output.length))
  }

  private static func signal(_ descriptor: FileDescriptor) {
    var one: UInt64 = 1
    write(descriptor.rawValue, &one, 8)
  }

  private static func wait(_ descriptor: FileDescriptor) {
    var count: UInt64 = 0
    while read(descriptor.rawValue, &count, 8) < 0, errno == EINTR {}
  }

  // MARK: The thread

  func run() {
    // It can wait; the guest and the receiver cannot.
    setpriority(Int32(PRIO_PROCESS.rawValue), 0, 10)
    var looks = 0
    while !isStopping, failure == nil {
      var polled = pollfd(fd: work.rawValue, events: Int16(POLLIN), revents: 0)
      poll(&polled, 1, Self.interval)
      var count: UInt64 = 0
      read(work.rawValue, &count, 8)
      looks += 1
      moving.withLock { _ in
        if isStopping { return }
        let pending = EventBuffer.load(header, .finished) - drained
        guard pending >= Self.worthwhile || pending > 0 && (looks >= Self.patience || uwrx_load(words + 3) != 0) else {
          return
        }
        drain()
        looks = 0
      }
    }
    Self.signal(room)
  }

  private func drain() {
    while failure == nil {
      let end = EventBuffer.load(header, .finished)
      guard drained < end else { return }
      do throws(Errno) { try move(upTo: end) } catch {
        output.cut(to: EventBuffer.progress(header).length)
        uwrx_store(words + 2, UInt64(error.rawValue))
      }
    }
  }

  private func move(upTo end: UInt64) throws(Errno) {
    let end = min(end, drained + Self.stride)
    let ring = UnsafeRawPointer(header + EventBuffer.headerSize)
    var offset = drained
    while offset < end {
      let place = ring + Int(offset % capacity)
      if place.load(as: UInt8.self) == EventBuffer.wrap {
        offset += capacity - offset % capacity
        continue
      }
      let event = place.load(as: Event.self)
      let name = (place + MemoryLayout<Event>.size).assumingMemoryBound(to: UInt8.self)
      encoder.encode(event, UnsafeBufferPointer(start: name, count: Int(event.nameLength)))
      try meta.add(event, encoder.nodes)
      try output.take(&encoder.packets)
      offset += UInt64(MemoryLayout<Event>.size + (Int(event.nameLength) + 7) & ~7)
    }
    try output.flush(&encoder.packets)
    drained = offset
    EventBuffer.setProgress(header, EventBuffer.Progress(drained: drained, length: output.length))
    release()
  }

  /// Gives the windows back that are behind.
  private func release() {
    let window = UInt64(EventBuffer.windowSize)
    let end = drained / window * window
    var start = released
    while start < end {
      let offset = start % capacity
      let length = min(end - start, capacity - offset)
      // Not every file system can; the place is then used again as it is.
      uwrx_punch_hole(file.rawValue, Int64(offset) + Int64(EventBuffer.headerSize), Int64(length))
      start += length
    }
    guard end > released else { return }
    uwrx_store(words, end)
    Self.signal(room)
  }
}
