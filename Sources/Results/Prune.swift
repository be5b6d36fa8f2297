import Glibc
import Supervisor
import Tracing

/// Removes runs that nobody needs any more.
public struct Prune {
  public struct Rules: Sendable {
    /// So many of the newest stay.
    public var keep: Int?
    /// What is older goes: seconds.
    public var older: Double?
    /// The oldest go until the rest takes no more bytes.
    public var size: UInt64?

    public init() {}
  }

  public struct Choice: Sendable {
    public var run: RunList.Run
    public var size: UInt64
  }

  /// The oldest first.
  public private(set) var removed: [Choice] = []
  /// What the rules would remove, and why it stays.
  public private(set) var kept: [(run: RunList.Run, reason: String)] = []
  private let build: String

  public init(_ list: RunList, _ rules: Rules) {
    build = list.build
    let runs = list.runs
    let sizes = runs.map(\.size)
    let parents = runs.map { Set((try? $0.trace.parents())?.map(\.path) ?? []) }
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let seconds = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    var goes = runs.enumerated().map { index, run in
      guard rules.keep != nil || rules.older != nil else { return false }
      return rules.keep.map { index < runs.count - $0 } ?? true
        && rules.older.map { seconds - Double(run.started) / 1e9 > $0 } ?? true
    }
    var reasons: [Int: String] = [:]
    /// Why a run must stay while others do.
    func reason(_ index: Int) -> String? {
      if runs[index].isInProgress { return "it goes on" }
      let isNeeded = runs.indices.contains { !goes[$0] && parents[$0].contains(runs[index].trace.path) }
      return isNeeded ? "another run stands on it" : nil
    }
    // Until nothing that stays stands on anything that goes.
    var isStable = false
    while !isStable {
      isStable = true
      for index in runs.indices where goes[index] {
        guard let reason = reason(index) else { continue }
        goes[index] = false
        reasons[index] = reason
        isStable = false
      }
    }
    if let limit = rules.size {
      var total = runs.indices.reduce(UInt64(0)) { $0 + (goes[$1] ? 0 : sizes[$1]) }
      // A run that nothing stands on any more may go in the next round.
      var hasChanged = true
      while total > limit, hasChanged {
        hasChanged = false
        for index in runs.indices where total > limit && !goes[index] {
          reasons[index] = reason(index)
          guard reasons[index] == nil else { continue }
          goes[index] = true
          total -= sizes[index]
          hasChanged = true
        }
      }
    }
    removed = runs.indices.filter { goes[$0] }.map { Choice(run: runs[$0], size: sizes[$0]) }
    kept = runs.indices.compactMap { index in
      goes[index] ? nil : reasons[index].map { (run: runs[index], reason: $0) }
    }
  }

  /// - Returns: those that could not be removed.
  public func perform() -> [RunList.Run] {
    var failed: [RunList.Run] = []
    // A run goes before those that it stands on.
    for choice in removed.reversed() {
      if !TreeRemoval.remove(choice.run.trace.path) { failed.append(choice.run) }
      // Not empty if the step has another attempt.
      rmdir("\(build)/\(choice.run.step)")
    }
    let list = try? RunList(build: build)
    if let newest = list?.newestOwnRuns.first ?? list?.runs.last {
      LastLink.set(runAt: newest.trace.path)
    } else {
      LastLink.remove(in: build)
    }
    return failed
  }
}
