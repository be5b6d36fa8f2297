import SystemPackage
import Tracing

/// Tells the events of a run one by one, also while it goes on.
public final class EventsReport {
  public enum Format: Sendable { case text, json }

  private let trace: TraceDirectory
  private let events: EventStream
  private var history = RunHistory(accesses: false)
  private var filter: EventFilter
  private let describer: EventText
  private let format: Format
  private var text: [UInt8] = []
  private var json = JSONText()

  /// - Throws: a message if the trace has no events.
  public init(
    _ trace: TraceDirectory, filter: EventFilter, describer: EventText, format: Format
  ) throws(TraceError) {
    self.trace = trace
    self.filter = filter
    self.describer = describer
    self.format = format
    events = try EventStream(trace)
    history.numbers = try TraceNumbers(trace)
  }

  /// Tells the events that have come since the last time, a line each.
  /// - Throws: `TraceError` if the trace cannot be read, `Errno` if the report cannot be written.
  public func update(to output: OutputBuffer) throws {
    while let (event, name) = try events.next() {
      history.take(event, name)
      guard filter.accepts(event, name, history) else { continue }
      switch format {
      case .text:
        text.removeAll(keepingCapacity: true)
        describer.text(event, name, history, to: &text)
        output.append(text)
      case .json:
        json.clear()
        describer.json(event, name, history, to: &json)
        output.append(json.bytes)
      }
      try output.endLine()
    }
  }

  /// There are no more events.
  /// - Returns: whether they end in the middle, or some of them make no sense.
  /// - Throws: a message if one of the processes that were asked for does not exist.
  public func finish() throws(TraceError) -> Bool {
    try filter.requireProcesses(of: history, in: trace)
    return events.isDamaged || history.isDamaged
  }
}
