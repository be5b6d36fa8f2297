import Tracing

/// Whether the events of a trace fit together: names, processes and environments are defined before they are used.
struct EventCheck {
  private var nodeCount = Event.rootNode
  private var pids: Set<UInt32> = [0, Event.supervisor]
  private var environments: Set<UInt32> = [0]
  private var eventCount = 0
  private(set) var problems: [String] = []

  /// Takes the next event.
  mutating func add(_ event: Event) {
    eventCount += 1
    guard let kind = EventKind(rawValue: event.kind) else { return }
    switch kind {
    case .node:
      if event.node <= Event.rootNode || event.node > nodeCount + 1 || event.version == 0 || event.version > nodeCount {
        report("defines the name \(event.node) in \(event.version), of \(nodeCount)")
      }
      nodeCount = max(nodeCount, event.node)
      return
    case .spawn:
      if !pids.contains(event.node) || !pids.insert(event.pid).inserted {
        report("makes process \(event.pid) a child of \(event.node)")
      }
      return
    case .environment: environments.insert(event.version)
    case .arguments:
      if !environments.contains(event.version) { report("has environment \(event.version), which is not there") }
    // A version need not have an event that made it: its maker may have been killed within the call.
    default: break
    }
    if !pids.contains(event.pid) { report("is of process \(event.pid), which is not there") }
    if kind.isAccess, event.node == 0 || event.node > nodeCount {
      report("is of the name \(event.node), which is not there")
    }
  }

  private mutating func report(_ problem: String) {
    // One is enough to distrust the rest.
    if problems.isEmpty { problems.append("event \(eventCount) \(problem)") }
  }
}
