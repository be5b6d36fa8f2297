import NIOCore
import Synchronization
import SystemPackage

/// Writes what one connection gives to be recorded: in the order in which it came, on a thread that may wait for the disk as event loops may not.
///
/// What waits is bounded by whoever brings it, who reads on when there is room (`hasRoom`). A failure ends it: what comes later is dropped.
final class RecordingQueue: Sendable {
  typealias Job = @Sendable (RecordingBatch) throws(Errno) -> Void

  /// Who brings what is recorded; called on the threads that write.
  struct Listener: Sendable {
    /// There is room after there was none.
    var hasRoom: @Sendable () -> Void
    /// Something cannot be written. Called once.
    var failed: @Sendable (Errno) -> Void
  }

  private struct State {
    var jobs = CircularBuffer<(bytes: Int, job: Job)>()
    var bytes = 0
    var failure: Errno?
    var isRunning = false
    /// Whether it is started in a moment.
    var isScheduled = false
    var hasEnded = false
    /// Whether somebody was told that there is no room.
    var isWaitedFor = false
    var listener: Listener?
    /// To be called when all is written.
    var written: (@Sendable () -> Void)?
  }

  /// What may wait before there is no room.
  private static let most = 4 << 20
  /// What a job takes beside its bytes, about.
  private static let jobBytes = 1 << 10
  /// With more it is started at once.
  private static let mostScheduled = 128 << 10
  /// A thread is woken for what comes in a moment, not for each exchange.
  private static let moment = TimeAmount.milliseconds(2)

  private let threads: RecordingThreads
  private let state = Mutex(State())

  init(_ threads: RecordingThreads) { self.threads = threads }

  /// - Parameter listener: kept until the end, or until another one takes its place.
  func tell(_ listener: Listener) { state.withLock { if !$0.hasEnded { $0.listener = listener } } }

  /// Has somebody told who is on an event loop.
  func tell(on loop: any EventLoop, hasRoom: @escaping () -> Void, failed: @escaping (Errno) -> Void) {
    let told = NIOLoopBound((hasRoom: hasRoom, failed: failed), eventLoop: loop)
    tell(
      Listener(
        hasRoom: { loop.execute { told.value.hasRoom() } },
        failed: { error in loop.execute { told.value.failed(error) } }))
  }

  /// Whether whoever brings more may go on; if not, the listener is told when it may.
  var hasRoom: Bool {
    let hasRoom = state.withLock { state in
      if state.bytes < Self.most { return true }
      state.isWaitedFor = true
      return false
    }
    if !hasRoom { start() }
    return hasRoom
  }

  /// Why nothing more is recorded.
  var failure: Errno? { state.withLock { $0.failure } }

  /// To be started: a thread is woken when there is nothing more urgent.
  /// - Parameter bytes: that `job` holds.
  func add(_ bytes: Int, _ job: @escaping Job) {
    state.withLock { state in
      if state.failure != nil { return }
      state.jobs.append((bytes + Self.jobBytes, job))
      state.bytes += bytes + Self.jobBytes
    }
  }

  /// Has what was added written in a moment, with what is added until then.
  func startSoon(on loop: any EventLoop) {
    let (isUrgent, isNew) = state.withLock { state in
      if state.isRunning || state.jobs.isEmpty { return (false, false) }
      if state.bytes >= Self.mostScheduled { return (true, false) }
      defer { state.isScheduled = true }
      return (false, !state.isScheduled)
    }
    if isUrgent { return start() }
    guard isNew else { return }
    loop.scheduleTask(in: Self.moment) { [self] in
      state.withLock { $0.isScheduled = false }
      start()
    }
  }

  /// Has what was added written.
  func start() {
    let isNew = state.withLock { state in
      if state.isRunning || state.jobs.isEmpty { return false }
      state.isRunning = true
      return true
    }
    if isNew { threads.run { self.work() } }
  }

  /// Nothing more comes.
  ///
  /// Counts once: one end's closing may close the other before it is told of itself.
  /// - Parameter written: called when all is written, or has failed; at once if it is already.
  func end(_ written: @escaping @Sendable () -> Void) {
    start()
    let isDone = state.withLock { state in
      if state.hasEnded { return false }
      state.hasEnded = true
      if state.isRunning { state.written = written } else { state.listener = nil }
      return !state.isRunning
    }
    if isDone { written() }
  }

  private func work() {
    let batch = RecordingBatch()
    var done = 0
    while true {
      let next = next(after: done)
      done = next?.bytes ?? 0
      if next == nil, batch.isEmpty, stop() { return }
      do throws(Errno) {
        try next?.job(batch)
        if next == nil || batch.isFull { try batch.flush() }
      } catch {
        // What came before can be written still, unless it is what could not be.
        try? batch.flush()
        fail(error)
      }
    }
  }

  private func next(after done: Int) -> (bytes: Int, job: Job)? {
    var hasRoom: (@Sendable () -> Void)?
    let next = state.withLock { state -> (bytes: Int, job: Job)? in
      state.bytes -= done
      if state.isWaitedFor, state.bytes < Self.most / 2 {
        state.isWaitedFor = false
        hasRoom = state.listener?.hasRoom
      }
      return state.jobs.popFirst()
    }
    hasRoom?()
    return next
  }

  /// - Returns: whether there is nothing to be done, and who starts it again has it go on.
  private func stop() -> Bool {
    var written: (@Sendable () -> Void)?
    let hasStopped = state.withLock { state in
      guard state.jobs.isEmpty else { return false }
      state.isRunning = false
      written = state.written
      if written != nil { (state.written, state.listener) = (nil, nil) }
      return true
    }
    written?()
    return hasStopped
  }

  private func fail(_ error: Errno) {
    let listener = state.withLock { state in
      state.failure = error
      for job in state.jobs { state.bytes -= job.bytes }
      state.jobs.removeAll()
      return state.listener
    }
    listener?.failed(error)
  }
}
