import NIOCore
import Synchronization
import SystemPackage

/// Writes what one connection gives to be recorded: in the order in which it came, on a thread that may wait for the disk as event loops may not.
///
/// What waits is bounded by whoever brings it, who reads on when there is room (`hasRoom`). A failure ends it: what comes later is dropped.
final class RecordingQueue: Sendable {
  typealias Job = @Sendable () throws(Errno) -> Void

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
    var done = 0
    while let (bytes, job) = next(after: done) {
      done = bytes
      do throws(Errno) { try job() } catch { fail(error) }
    }
  }

  private func next(after done: Int) -> (bytes: Int, job: Job)? {
    var hasRoom: (@Sendable () -> Void)?
    var written: (@Sendable () -> Void)?
    let next = state.withLock { state -> (bytes: Int, job: Job)? in
      state.bytes -= done
      if state.isWaitedFor, state.bytes < Self.most / 2 {
        state.isWaitedFor = false
        hasRoom = state.listener?.hasRoom
      }
      if let next = state.jobs.popFirst() { return next }
      state.isRunning = false
      written = state.written
      if written != nil { (state.written, state.listener) = (nil, nil) }
      return nil
    }
    hasRoom?()
    written?()
    return next
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
