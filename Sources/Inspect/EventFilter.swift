import Glibc
import Tracing

/// Which events of a run are asked for: those that match one of each list that is not empty.
public struct EventFilter {
  private let pids: [ProcessNumber]
  private let kinds: Set<UInt8>
  private let patterns: [PathPattern]
  /// By path: whether a pattern matches, as far as it was asked.
  private var matches: [PathTable.ID: Bool] = [:]

  public init(pids: [ProcessNumber] = [], kinds: [EventKind] = [], paths: [PathPattern] = []) {
    self.pids = pids
    self.kinds = Set(kinds.map(\.rawValue))
    patterns = paths
  }

  /// Without kinds to ask for, `node` events are left out: what they define stands in the others.
  /// - Parameter history: one that has taken the event.
  public mutating func accepts(_ event: Event, _ name: UnsafeBufferPointer<UInt8>, _ history: RunHistory) -> Bool {
    if kinds.isEmpty ? event.kind == EventKind.node.rawValue : !kinds.contains(event.kind) { return false }
    if !pids.isEmpty, !pids.contains(where: { history.numbers.pid(of: $0) == event.pid }) { return false }
    if patterns.isEmpty { return true }
    let path = history.path(of: event, name)
    guard path != .none else { return false }
    if let known = matches[path] { return known }
    let bytes = history.paths.path(of: path)
    let result = patterns.contains { $0.matches(bytes) }
    matches[path] = result
    return result
  }

  /// - Throws: a message if the run has none of the processes that are asked for.
  public func requireProcesses(of history: RunHistory, in trace: TraceDirectory) throws(TraceError) {
    for pid in pids where pid.isDotted || pid.components[0] > Event.supervisor {
      _ = try history.requireProcess(pid, in: trace)
    }
  }
}
