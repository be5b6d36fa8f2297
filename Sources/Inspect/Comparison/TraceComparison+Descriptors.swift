import Tracing

extension TraceComparison {
  /// Who gave something else and was given the same, as it seems, may have it from a process that shares its descriptors: what a shell has
  /// opened for `> file` another program writes, and what gzip reads from a pipe tar has read. A trace tells of neither.
  mutating func passOn() {
    let writers = writersBelow()
    for index in processes.indices where processes[index].isCulprit {
      let pid = processes[index].first
      if let giver = writers[pid] ?? feederAbove(pid) { processes[index].inputs.append(.textOf(giver)) }
    }
  }

  /// The first process below each culprit that was given something else from elsewhere.
  private func writersBelow() -> [UInt32: UInt32] {
    var found: [UInt32: UInt32] = [:]
    for process in processes where process.inputs.contains(where: { Self.path($0) != nil }) {
      for ancestor in first.history.ancestors(of: process.first) where found[ancestor] == nil {
        guard let index = indices[ancestor], processes[index].isCulprit,
          process.inputs.contains(where: { isFrom(outsideOf: ancestor, $0) })
        else { continue }
        found[ancestor] = process.first
      }
    }
    return found
  }

  /// The parent, if it has read what differs before the end of the process and after that of the one that it had started before: make reads
  /// its file once and tells nobody, tar has a compressor while it reads. When exactly a process began is not known.
  private func feederAbove(_ pid: UInt32) -> UInt32? {
    guard let process = first.history[pid], let parent = process.parent, let index = indices[parent] else { return nil }
    let paths = processes[index].inputs.filter { isFrom(outsideOf: pid, $0) }.compactMap(Self.path)
    let siblings = (first.history[parent]?.children ?? []).compactMap { first.history[$0]?.end }
    let before = siblings.filter { $0 <= process.start }.max() ?? 0
    let isFed = first.history.accesses(by: parent).contains { access in
      [.read, .readLink].contains(access.kind) && before <= access.time && access.time <= process.end ?? .max
        && paths.contains(first.history.paths.path(of: access.path))
    }
    return isFed ? parent : nil
  }

  /// Whether what a process was given otherwise is contents that no process of another's subtree has made.
  private func isFrom(outsideOf pid: UInt32, _ input: Difference) -> Bool {
    switch input {
    case .source, .otherSource, .sourceOnlyFirst, .sourceOnlySecond, .listing: true
    case .file(let path): !writers(of: path).contains { $0 == pid || isBelow($0, pid) }
    default: false
    }
  }

  private func isBelow(_ pid: UInt32, _ ancestor: UInt32) -> Bool {
    first.history.ancestors(of: pid).contains(ancestor)
  }

  private static func path(_ difference: Difference) -> [UInt8]? {
    switch difference {
    case .source(let path), .otherSource(let path), .file(let path), .sourceOnlyFirst(let path),
      .sourceOnlySecond(let path),
      .listing(let path):
      path
    default: nil
    }
  }

  /// Of those that differ in nothing but the variables that they have from a process that is told of, nothing is told.
  mutating func leaveOutInherited() {
    let variables = Dictionary(
      uniqueKeysWithValues: processes.map { process in
        (process.first, Set(process.inputs.flatMap(Self.variables)))
      })
    processes.removeAll { process in
      guard process.outputs.isEmpty, !process.inputs.isEmpty, let parent = first.history[process.first]?.parent else {
        return false
      }
      return process.inputs.allSatisfy {
        let names = Self.variables($0)
        return !names.isEmpty && variables[parent]?.isSuperset(of: names) ?? false
      }
    }
    indices = Dictionary(uniqueKeysWithValues: processes.enumerated().map { ($1.first, $0) })
  }

  private static func variables(_ difference: Difference) -> [[UInt8]] {
    if case .environment(let names) = difference { return names }
    return []
  }

  /// The processes in the order in which they matter: those by which something new came into the second run, then those that made a
  /// difference, then those that follow from them.
  public var byImportance: [Process] {
    var known: Set<Origin> = []
    var origins: [Process] = []
    var culprits: [Process] = []
    var followers: [Process] = []
    for process in processes {
      let new = Set(process.inputs.flatMap { self.origins($0, of: process) }).subtracting(known)
      known.formUnion(new)
      if !new.isEmpty {
        origins.append(process)
      } else if process.isCulprit {
        culprits.append(process)
      } else {
        followers.append(process)
      }
    }
    return origins + culprits + followers
  }

  /// What a run was given by its user.
  enum Origin: Hashable {
    case source([UInt8])
    case variable([UInt8])
    case command
  }

  func origins(_ input: Difference, of process: Process) -> [Origin] {
    let isCommand = first.history[process.first]?.parent.map { first.history[$0] == nil } ?? true
    switch input {
    case .source(let path), .otherSource(let path), .sourceOnlyFirst(let path), .sourceOnlySecond(let path),
      .listing(let path):
      return [.source(path)]
    case .environment(let names) where isCommand: return names.map { .variable($0) }
    case .arguments where isCommand, .directory where isCommand: return [.command]
    default: return []
    }
  }
}
