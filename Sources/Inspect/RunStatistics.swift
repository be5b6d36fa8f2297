import Glibc
import Tracing

/// What a run's events add up to.
public struct RunStatistics {
  /// A call that took long.
  public struct SlowCall: Sendable {
    /// The event that tells most of it, with the call's duration.
    public var event: Event
    /// That as `EventText` tells it.
    public var text: [UInt8]
    public var path: [UInt8]?

    /// Whether another event is of the same call: only the first event of a call has its duration.
    fileprivate func isOf(_ other: Event) -> Bool {
      event.time == other.time && event.pid == other.pid && event.thread == other.thread
    }
  }

  public let history: RunHistory
  /// Bytes of the files that hold the events.
  public let size: UInt64
  public let isDamaged: Bool
  /// The slowest first.
  public let slowest: [SlowCall]
  /// How many distinct paths each process has used.
  public let fileCounts: [UInt32: Int]

  /// - Parameter top: how many of the slowest calls it keeps.
  /// - Throws: a message if the trace cannot be read.
  public init(_ trace: TraceDirectory, top: Int, describer: EventText) throws(TraceError) {
    var history = RunHistory()
    let events = try EventStream(trace)
    history.numbers = try TraceNumbers(trace)
    var slowest: [SlowCall] = []
    while let (event, name) = try events.next() {
      history.take(event, name)
      if event.duration == 0, event.thread != 0, EventKind(rawValue: event.kind)?.isResult == true,
        let call = slowest.firstIndex(where: { $0.isOf(event) })
      {
        var event = event
        event.duration = slowest[call].event.duration
        slowest[call] = Self.call(event, name, history, describer)
      }
      guard event.duration > (slowest.count < top ? 0 : slowest.last?.event.duration ?? .max) else { continue }
      let place = slowest.firstIndex { $0.event.duration < event.duration } ?? slowest.count
      slowest.insert(Self.call(event, name, history, describer), at: place)
      if slowest.count > top { slowest.removeLast() }
    }
    self.slowest = slowest
    self.history = history
    isDamaged = events.isDamaged || history.isDamaged
    size = Self.size(of: trace)
    var fileCounts: [UInt32: Int] = [:]
    for process in history.processes {
      var paths: Set<PathTable.ID> = []
      for access in history.accesses(by: process.pid) { paths.insert(access.path) }
      fileCounts[process.pid] = paths.count
    }
    self.fileCounts = fileCounts
  }

  private static func call(
    _ event: Event, _ name: UnsafeBufferPointer<UInt8>, _ history: RunHistory, _ describer: EventText
  ) -> SlowCall {
    var text: [UInt8] = []
    describer.text(event, name, history, to: &text)
    let id = history.path(of: event, name)
    return SlowCall(event: event, text: text, path: id == .none ? nil : history.paths.path(of: id))
  }

  private static func size(of trace: TraceDirectory) -> UInt64 {
    var sum: UInt64 = 0
    for name in ["events", "perfetto"] {
      var status = stat()
      guard lstat("\(trace.path)/\(name)", &status) == 0 else { continue }
      // A buffer is larger than what is in it.
      let size = trace.isComplete ? status.st_size : min(status.st_size, status.st_blocks * 512)
      sum += UInt64(max(0, size))
    }
    return sum
  }
}

extension EventKind {
  /// What a call was made for, not a look-up on the way.
  fileprivate var isResult: Bool {
    switch self {
    case .missing, .stat, .readLink: false
    default: isAccess
    }
  }
}
