import Glibc
import Tracing

/// What a run's events add up to.
public struct RunStatistics {
  /// A call that took long.
  public struct SlowCall: Sendable {
    /// Its first event.
    public var event: Event
    /// That as `EventText` tells it.
    public var text: [UInt8]
    public var path: [UInt8]?
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
    var slowest: [SlowCall] = []
    while let (event, name) = try events.next() {
      history.take(event, name)
      guard event.duration > (slowest.count < top ? 0 : slowest.last?.event.duration ?? .max) else { continue }
      var text: [UInt8] = []
      describer.text(event, name, history, to: &text)
      let id = history.path(of: event, name)
      let call = SlowCall(event: event, text: text, path: id == .none ? nil : history.paths.path(of: id))
      let place = slowest.firstIndex { $0.event.duration < event.duration } ?? slowest.count
      slowest.insert(call, at: place)
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

  private static func size(of trace: TraceDirectory) -> UInt64 {
    var sum: UInt64 = 0
    for name in ["events", "perfetto"] {
      var status = stat()
      if lstat("\(trace.path)/\(name)", &status) == 0, status.st_size > 0 { sum += UInt64(status.st_size) }
    }
    return sum
  }
}
