import Tracing

/// Which processes a run has waited for, from its end back to its beginning: each second of it is one process's.
///
/// Who is on it is found from births and ends alone: what a process does follows the end of the last of its children that has ended, and its
/// own beginning follows what its parent had done.
public struct CriticalPath: Sendable {
  /// A time in which the run waited for one process.
  public struct Segment: Sendable, Equatable {
    public var pid: UInt32
    /// Nanoseconds of the trace's clock.
    public var start: UInt64
    public var end: UInt64
  }

  /// From the beginning on; they follow each other.
  public private(set) var segments: [Segment] = []

  public init(_ history: RunHistory) {
    func end(_ process: RunProcess) -> UInt64 { max(process.end ?? history.lastTime, process.start) }
    let roots = history.roots.compactMap { history[$0] }
    guard var current = roots.max(by: { end($0) < end($1) }) else { return }
    // The children of each process that was come to, the last to end last; those that are behind the present time are taken off.
    var children: [UInt32: [(pid: UInt32, end: UInt64)]] = [:]
    var time = end(current)
    while true {
      var left =
        children.removeValue(forKey: current.pid)
        ?? current.children.compactMap { pid in history[pid].map { (pid, end($0)) } }.sorted { $0.end < $1.end }
      var next: RunProcess?
      while next == nil, let last = left.popLast() {
        // One that began before its parent did, or later than what it is to explain, leads nowhere.
        if last.end <= time, let child = history[last.pid], child.start < time, child.start >= current.start {
          next = child
        }
      }
      children[current.pid] = left
      if let next {
        add(current.pid, end(next), time)
        (time, current) = (end(next), next)
        continue
      }
      let start = min(current.start, time)
      add(current.pid, start, time)
      time = start
      guard let parent = current.parent.flatMap({ history[$0] }) else { break }
      current = parent
    }
    segments.reverse()
  }

  private mutating func add(_ pid: UInt32, _ start: UInt64, _ end: UInt64) {
    if end > start { segments.append(Segment(pid: pid, start: start, end: end)) }
  }

  /// Nanoseconds in which the run waited for each process itself.
  public var times: [UInt32: UInt64] {
    segments.reduce(into: [:]) { $0[$1.pid, default: 0] += $1.end - $1.start }
  }
}
