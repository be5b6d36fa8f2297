import Tracing

/// Reads the events of a run into a `RunHistory`, also while the run goes on.
///
/// Confined to the task that made it; `history` is a value that may be handed to others.
///
///     let observer = try RunObserver(TraceDirectory("build/0/0"))
///     while try observer.update() || observer.trace.isInProgress { show(observer.history); wait() }
public final class RunObserver {
  public let trace: TraceDirectory
  /// What is known so far. A copy costs nothing until the next update, which then copies the whole: do not hold one meanwhile.
  public private(set) var history: RunHistory
  private let events: EventStream

  /// - Parameter accesses: as for `RunHistory.init`.
  /// - Throws: a message if the trace has no events.
  public init(_ trace: TraceDirectory, accesses: Bool = true) throws(TraceError) {
    self.trace = trace
    events = try EventStream(trace)
    history = RunHistory(accesses: accesses)
    history.numbers = try TraceNumbers(trace)
  }

  /// Whether the events end in the middle, or some of them make no sense. One of a run in progress may do so for a moment.
  public var isDamaged: Bool { history.isDamaged || events.isDamaged }

  /// Takes the events that have come since the last time.
  /// - Parameter limit: takes no more than so many, so that a caller can show how far it has come.
  /// - Returns: whether there were any.
  /// - Throws: a message if the trace cannot be read.
  @discardableResult
  public func update(atMost limit: Int = .max) throws(TraceError) -> Bool {
    var count = 0
    while count < limit, let (event, name) = try events.next() {
      history.take(event, name)
      count += 1
    }
    return count > 0
  }
}
