import Inspect
import Tracing

/// What the viewer shows and what its keys have done: everything but the terminal.
///
/// Events, keys and the terminal's size go in; a `Frame` comes out.
public struct ViewerState: Sendable {
  enum Tab: Int, CaseIterable, Sendable {
    case summary, environment, files, network, output

    var title: String {
      switch self {
      case .summary: "Summary"
      case .environment: "Environment"
      case .files: "Files"
      case .network: "Network"
      case .output: "Output"
      }
    }
  }

  enum Focus: Sendable { case tree, details }

  enum Mode: Sendable, Equatable {
    case browse
    /// A filter is being typed; what it was before.
    case typing(before: LineEditor)
    case help(top: Int)
    /// Text without anything around it, to be selected with a mouse.
    case text(CopyText, page: Int)
  }

  enum Order: CaseIterable, Sendable {
    case start, duration, processorTime

    var name: String {
      switch self {
      case .start: "in the order of their start"
      case .duration: "the longest first"
      case .processorTime: "by processor time"
      }
    }
  }

  /// How far the trace's run has come, as far as the trace tells.
  public enum Progress: Sendable, Equatable {
    /// Events that are there have yet to be read.
    case reading
    case running
    case ended
  }

  /// The trace's path and the run's command.
  let path: String
  let command: String
  let glyphs: Glyphs
  /// The terminal may take text for its clipboard.
  let hasClipboard: Bool
  /// A system call's name by its number.
  let callName: @Sendable (UInt32) -> String
  var run = RunHistory()
  var activity = ProcessActivity()
  var network = NetworkHistory(limit: 50_000)
  public var progress = Progress.reading
  /// The run has ended, and its record was not made to the end.
  public var isIncomplete = false
  /// What the user must know of the trace: that it is damaged or cannot be read on.
  public var notice: String?
  /// Of the trace's clock, for processes that have not ended.
  public var now: UInt64 = 0
  public private(set) var rows = 0
  public private(set) var columns = 0
  public private(set) var isFinished = false
  /// What brings text to the terminal's clipboard, to be taken by who can send it there.
  public var copied: String?

  var tree = ProcessTree()
  var treePosition = ListPosition()
  var treeFilter = LineEditor()
  var order = Order.start
  /// Processes that took less are hidden; nanoseconds.
  var minimalDuration: UInt64 = 0
  var showsFailuresOnly = false
  /// Only processes for which the run waited are shown.
  var showsCriticalOnly = false
  /// For how many nanoseconds it waited for each itself.
  var criticalTimes: [UInt32: UInt64] = [:]
  /// The selected process, as an index.
  var selected: Int?
  var visited: [Int] = []
  var failureCount = 0
  var runningCount = 0
  var skipCount = 0
  private var needsRefresh = true

  var tab = Tab.summary
  var focus = Focus.tree
  var isZoomed = false
  var mode = Mode.browse
  var message: String?
  var pane = PaneContent.empty
  var panePosition = ListPosition()
  var paneOffset = 0
  var paneFilters = [LineEditor](repeating: LineEditor(), count: Tab.allCases.count)
  var showsEnvironmentDifferences = false
  var fileGroup: FileLine.Group?
  var networkGroup: NetworkLine.Group?

  /// - Parameters:
  ///   - path: the trace's, as the user gave it.
  ///   - command: the words of the run's command; empty if it is not known.
  public init(
    path: String, command: [[UInt8]], isUTF8: Bool, hasClipboard: Bool = false,
    callName: @escaping @Sendable (UInt32) -> String = { "call \($0)" }
  ) {
    glyphs = Glyphs(isUTF8: isUTF8)
    self.path = glyphs.text(path.utf8)
    self.command = command.map(glyphs.quoted).joined(separator: " ")
    self.hasClipboard = hasClipboard
    self.callName = callName
  }

  /// Takes the next event of the trace. `refresh` makes it seen.
  public mutating func take(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    run.take(event, name)
    activity.take(event, name)
    network.take(event, name)
    needsRefresh = true
  }

  /// Makes what events have told, or the end of the run, seen.
  public mutating func refresh() {
    guard needsRefresh else {
      // Times go on.
      if tab == .summary { refreshPane() }
      return
    }
    needsRefresh = false
    if run.isDamaged, notice == nil { notice = "some events of the trace make no sense and were left out" }
    refreshTree()
    if selected == nil { adoptRow() } else { refreshPane() }
  }

  /// Takes the terminal's size.
  public mutating func resize(rows: Int, columns: Int) {
    guard (rows, columns) != (self.rows, self.columns) else { return }
    (self.rows, self.columns) = (rows, columns)
    // Lines are broken for it.
    refreshPane()
  }

  mutating func finish() { isFinished = true }

  // MARK: The tree

  mutating func refreshTree() {
    var indices: [UInt32: Int32] = [:]
    indices.reserveCapacity(run.processes.count)
    var parents: [Int32] = []
    parents.reserveCapacity(run.processes.count)
    criticalTimes = CriticalPath(run).times
    failureCount = 0
    runningCount = 0
    skipCount = 0
    for (index, process) in run.processes.enumerated() {
      indices[process.pid] = Int32(index)
      parents.append(process.parent.flatMap { indices[$0] } ?? -1)
      if hasFailed(process) { failureCount += 1 }
      if process.end == nil { runningCount += 1 }
      if run.skipping(of: process.pid)?.skipped != nil { skipCount += 1 }
    }
    switch order {
    case .start: tree.setProcesses(parents: parents, by: nil)
    case .duration:
      let keys = run.processes.map { duration($0) }
      tree.setProcesses(parents: parents) { keys[$0] > keys[$1] }
    case .processorTime:
      let keys = run.processes.map { $0.use.map { $0.userTime &+ $0.systemTime } ?? 0 }
      tree.setProcesses(parents: parents) { keys[$0] > keys[$1] }
    }
    layOutTree()
  }

  /// Brings the tree's rows up to date with what is filtered and collapsed. The selection stays, if it can be seen.
  mutating func layOutTree() {
    tree.layOut(matches: matches())
    if let selected, let row = tree.row(of: selected) {
      treePosition.select(row, count: tree.rows.count)
    } else {
      treePosition.select(treePosition.selected, count: tree.rows.count)
    }
  }

  var isFiltered: Bool { !treeFilter.text.isEmpty || minimalDuration > 0 || showsFailuresOnly || showsCriticalOnly }

  private func matches() -> [Bool]? {
    guard isFiltered else { return nil }
    let search = TextSearch(treeFilter.text)
    return run.processes.map { process in
      if showsFailuresOnly, !hasFailed(process) { return false }
      if showsCriticalOnly, criticalTimes[process.pid] == nil { return false }
      if minimalDuration > 0, duration(process) < minimalDuration { return false }
      guard !search.isEmpty else { return true }
      guard let program = process.program else {
        return search.matches([[UInt8]()], number: run.number(of: process.pid))
      }
      return search.matches(
        [program.argumentBytes ?? [], run.paths.path(of: program.executable)], number: run.number(of: process.pid))
    }
  }

  func hasFailed(_ process: RunProcess) -> Bool { process.status.map { $0.rawValue != 0 } ?? false }

  func duration(_ process: RunProcess) -> UInt64 {
    let end = process.end ?? (progress == .ended ? run.lastTime : max(now, run.lastTime))
    return end > process.start ? end - process.start : 0
  }

  /// The process of the tree's selected row.
  var current: RunProcess? { selected.flatMap { $0 < run.processes.count ? run.processes[$0] : nil } }

  /// Takes the process at the selected row as the selected one.
  mutating func adoptRow() {
    let row = treePosition.selected
    let process = tree.rows.indices.contains(row) ? tree.rows[row].process : nil
    guard process != selected else { return }
    selected = process
    panePosition = ListPosition()
    paneOffset = 0
    refreshPane()
  }

  /// Selects a process wherever it is, and remembers where the user was.
  mutating func jump(to process: Int, remembers: Bool = true) {
    guard process != selected else { return }
    if remembers, let selected { visited.append(selected) }
    tree.reveal(process)
    if isFiltered, tree.row(of: process) == nil {
      treeFilter = LineEditor()
      minimalDuration = 0
      showsFailuresOnly = false
      showsCriticalOnly = false
      message = "The filter was removed to show the process"
    }
    tree.layOut(matches: matches())
    treePosition.select(tree.row(of: process) ?? 0, count: tree.rows.count)
    adoptRow()
  }

  func index(of pid: UInt32) -> Int? {
    // In the order in which they were found, which is nearly that of their numbers.
    let guess = Int(pid) - 2
    if run.processes.indices.contains(guess), run.processes[guess].pid == pid { return guess }
    return run.processes.firstIndex { $0.pid == pid }
  }
}
