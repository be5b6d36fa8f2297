import Tracing

/// What most processes look at and do not go by: whether a source is there, what a directory lists, the status of a file.
extension TraceComparison {
  /// What a pair was given otherwise of that.
  func hints(_ pair: ProcessMatching.Pair) -> [Difference] {
    let (ours, theirs) = (SourceLooks(first, pair.first), SourceLooks(second, pair.second))
    var found: [(path: [UInt8], difference: Difference)] = []
    for path in ours.missing where first.lacksSource(path) {
      guard let other = first.id(of: path, in: second), theirs.seen[other] != nil else { continue }
      let name = first.history.paths.path(of: path)
      found.append((name, .sourceOnlySecond(name)))
    }
    for path in theirs.missing where second.lacksSource(path) {
      guard let other = second.id(of: path, in: first), ours.seen[other] != nil else { continue }
      let name = second.history.paths.path(of: path)
      found.append((name, .sourceOnlyFirst(name)))
    }
    for (path, look) in ours.seen {
      guard look.isListed || look.isAsked, let changed = first.changeTime(of: path),
        let other = first.id(of: path, in: second), let again = theirs.seen[other],
        let before = first.wallTime(look.time), let after = second.wallTime(again.time),
        (min(before, after)...max(before, after)).contains(changed),
        first.file(ofVersion: 0, at: path) == second.file(ofVersion: 0, at: other)
      else { continue }
      let name = first.history.paths.path(of: path)
      if first.isSourceDirectory(path) {
        if look.isListed, again.isListed { found.append((name, .listing(name))) }
      } else {
        found.append((name, .source(name)))
      }
    }
    return found.sorted { $0.path.lexicographicallyPrecedes($1.path) }.map(\.difference)
  }

  /// A hint counts for who gave something else, to its files, descriptors, children or as a status.
  mutating func takeHints() {
    var parents = Set(onlyFirst.compactMap { first.history[$0]?.parent })
    let others = Set(onlySecond.compactMap { second.history[$0]?.parent })
    for process in processes where process.inputs.contains(where: Self.isFromParent) {
      if let parent = first.history[process.first]?.parent { parents.insert(parent) }
    }
    for index in processes.indices where !processes[index].hints.isEmpty {
      let process = processes[index]
      if !process.outputs.isEmpty || parents.contains(process.first) || others.contains(process.second) {
        processes[index].inputs += process.hints
      }
    }
    processes.removeAll { $0.inputs.isEmpty && $0.outputs.isEmpty }
  }

  private static func isFromParent(_ input: Difference) -> Bool {
    switch input {
    case .arguments, .directory, .environment, .executable: true
    default: false
    }
  }

  /// The paths in which the runs differ at their ends, by who has made them so.
  func doings() -> (first: [UInt32: [[UInt8]]], second: [UInt32: [[UInt8]]]) {
    var doings: (first: [UInt32: [[UInt8]]], second: [UInt32: [[UInt8]]]) = ([:], [:])
    for file in files where !file.isSameInside || !file.attributes.isEmpty {
      // What differs inside is told of those who wrote it; here of what has no contents, or is in one run alone.
      if file.places != nil { continue }
      if let pid = file.first { doings.first[pid, default: []].append(file.path) }
      if let pid = file.second { doings.second[pid, default: []].append(file.path) }
    }
    return doings
  }
}

/// What a process has seen of what was there before its run, and what it has looked for in vain.
struct SourceLooks {
  struct Look {
    /// When first.
    var time: UInt64
    var isListed = false
    /// For its status.
    var isAsked = false
  }

  private(set) var seen: [PathTable.ID: Look] = [:]
  private(set) var missing: [PathTable.ID] = []

  init(_ run: RunFiles, _ pid: UInt32) {
    for access in run.history.accesses(by: pid) {
      switch access.kind {
      case .missing: missing.append(access.path)
      case .read, .exec, .readLink, .stat, .list:
        guard access.version == 0, !run.isMade(access.path) else { continue }
        var look = seen[access.path] ?? Look(time: access.time)
        if access.kind == .list { look.isListed = true }
        if access.kind == .stat { look.isAsked = true }
        seen[access.path] = look
      default: break
      }
    }
  }
}
