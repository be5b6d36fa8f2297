/// The rows of a tree of processes: who is shown, in which order, how deep.
struct ProcessTree: Sendable {
  struct Row: Sendable, Equatable {
    /// The process, as an index in the run's list.
    var process: Int
    var depth: Int
    /// No sibling is shown below it.
    var isLast: Bool
    /// It was asked for, and is not just on the way to one that was.
    var isMatch: Bool
  }

  private(set) var rows: [Row] = []
  /// The number of rows that are matches.
  private(set) var matchCount = 0
  /// The processes whose children are not shown.
  private(set) var collapsed: Set<Int> = []
  private var parents: [Int32] = []
  /// The children of process `p` are `children[starts[p + 1]..<starts[p + 2]]`; those of nobody come first.
  private var children: [Int32] = []
  private var starts: [Int32] = [0, 0]
  private var rowOfProcess: [Int32] = []

  /// Takes the processes of a run.
  /// - Parameters:
  ///   - newParents: the index of each one's parent, which must be smaller than its own; else it is taken as a root.
  ///   - precedes: the order of siblings; nil keeps that of the list.
  mutating func setProcesses(parents newParents: [Int32], by precedes: ((Int, Int) -> Bool)?) {
    parents = newParents
    let count = parents.count
    starts = Array(repeating: 0, count: count + 2)
    for index in 0..<count {
      if parents[index] >= index || parents[index] < -1 { parents[index] = -1 }
      starts[Int(parents[index]) + 2] += 1
    }
    for index in 1..<count + 2 { starts[index] += starts[index - 1] }
    children = Array(repeating: 0, count: count)
    var next = starts
    for index in 0..<count {
      let parent = Int(parents[index]) + 1
      children[Int(next[parent])] = Int32(index)
      next[parent] += 1
    }
    guard let precedes else { return }
    for parent in 0...count where starts[parent + 1] - starts[parent] > 1 {
      children[Int(starts[parent])..<Int(starts[parent + 1])].sort { precedes(Int($0), Int($1)) }
    }
  }

  /// Makes the rows.
  /// - Parameter matches: for each process whether it is asked for; nil means all are. The way to a match is shown, too, also
  ///   through collapsed ones.
  mutating func layOut(matches: [Bool]?) {
    let kept = matches.map(withAncestors)
    rows.removeAll(keepingCapacity: true)
    matchCount = 0
    rowOfProcess = Array(repeating: -1, count: parents.count)
    // A process's children as they are still to be shown; a chain of processes may be as long as the run.
    var pending: [Range<Int32>] = [starts[0]..<starts[1]]
    while var range = pending.popLast() {
      while let position = range.first, let kept, !kept[Int(children[Int(position)])] { range.removeFirst() }
      guard let position = range.first else { continue }
      range.removeFirst()
      while let next = range.first, let kept, !kept[Int(children[Int(next)])] { range.removeFirst() }
      let process = Int(children[Int(position)])
      let isMatch = matches?[process] ?? true
      if isMatch { matchCount += 1 }
      rowOfProcess[process] = Int32(rows.count)
      rows.append(Row(process: process, depth: pending.count, isLast: range.isEmpty, isMatch: isMatch))
      pending.append(range)
      if kept != nil || !collapsed.contains(process) { pending.append(childRange(of: process)) }
    }
  }

  private func withAncestors(_ matches: [Bool]) -> [Bool] {
    var kept = matches
    for index in matches.indices where matches[index] {
      var parent = Int(parents[index])
      while parent >= 0, !kept[parent] {
        kept[parent] = true
        parent = Int(parents[parent])
      }
    }
    return kept
  }

  private func childRange(of process: Int) -> Range<Int32> { starts[process + 1]..<starts[process + 2] }

  func row(of process: Int) -> Int? {
    process < rowOfProcess.count && rowOfProcess[process] >= 0 ? Int(rowOfProcess[process]) : nil
  }

  func parent(of process: Int) -> Int? { parents[process] >= 0 ? Int(parents[process]) : nil }

  func firstChild(of process: Int) -> Int? { childRange(of: process).first.map { Int(children[Int($0)]) } }

  func childCount(of process: Int) -> Int { childRange(of: process).count }

  mutating func collapse(_ process: Int) { collapsed.insert(process) }

  mutating func expand(_ process: Int) { collapsed.remove(process) }

  /// Leaves only the roots and their children.
  mutating func collapseAll() {
    collapsed = Set(parents.indices.filter { parents[$0] >= 0 && childCount(of: $0) > 0 })
  }

  mutating func expandAll() { collapsed = [] }

  /// Opens all that hides a process.
  mutating func reveal(_ process: Int) {
    var current = parent(of: process)
    while let process = current {
      collapsed.remove(process)
      current = parent(of: process)
    }
  }

  /// For the outer levels of a row, whether more siblings follow below: the innermost is the row's parent.
  /// - Parameter limit: at most so many, the innermost ones.
  func guides(of row: Row, limit: Int) -> [Bool] {
    var guides: [Bool] = []
    var current = parent(of: row.process)
    while let process = current, guides.count < limit, let position = rowOfProcess[process] as Int32?, position >= 0 {
      guides.append(!rows[Int(position)].isLast)
      current = parent(of: process)
    }
    return guides.reversed()
  }
}
