import Tracing

extension TraceComparison {
  mutating func compareProcesses() {
    let ordered = pairs.sorted { start(of: $0.first) < start(of: $1.first) }
    let speakers = Speakers(
      ordered.filter { first.texts[$0.first] != second.texts[$0.second] }.map(\.first), first.history)
    var shared: [(UInt32, [UInt32])] = []
    let doings = doings()
    let failed = Set(ordered.filter { status(first, $0.first) != status(second, $0.second) }.map(\.first))
    for pair in ordered {
      let given = Given(first, pair.first)
      let other = Given(second, pair.second)
      var process = Process(
        first: pair.first, second: pair.second, inputs: given.differences(from: other) + changedSources(pair),
        outputs: writtenDifferences(pair))
      let done = (doings.first[pair.first] ?? []) + (doings.second[pair.second] ?? [])
      for path in done where !process.outputs.contains(.file(path)) && !process.outputs.contains(.entry(path)) {
        process.outputs.append(.entry(path))
      }
      process.hints = hints(pair).filter { !process.inputs.contains($0) }
      if first.texts[pair.first] != second.texts[pair.second] { process.outputs.append(.text) }
      if failed.contains(pair.first) {
        // Mostly a parent ends as its child did.
        let children = first.history[pair.first]?.children ?? []
        if !children.contains(where: { failed.contains($0) }) { process.outputs.append(.status) }
      }
      if !process.outputs.isEmpty {
        if let speaker = speakers.heard(by: pair.first) { process.inputs.append(.textOf(speaker)) }
        let givers = given.unseen.flatMap { writers(of: $0) }.filter { $0 != pair.first }
        if !givers.isEmpty {
          if !process.inputs.contains(.temporaryFiles) { process.inputs.append(.temporaryFiles) }
          shared.append((pair.first, givers))
        }
      }
      guard !process.inputs.isEmpty || !process.outputs.isEmpty || !process.hints.isEmpty else { continue }
      indices[pair.first] = processes.count
      processes.append(process)
    }
    let matches = Dictionary(uniqueKeysWithValues: pairs.map { ($0.first, $0.second) })
    for (pid, givers) in shared { joinUnit(of: pid, givers, matches) }
    takeHints()
    sortProcesses()
    passOn()
    leaveOutInherited()
  }

  private mutating func sortProcesses() {
    processes = processes.sorted { start(of: $0.first) < start(of: $1.first) }
    indices = Dictionary(uniqueKeysWithValues: processes.enumerated().map { ($1.first, $0) })
  }

  /// What passes between processes in temporary files that are not kept is between them: who started them all has given what they gave, and
  /// was given what they were given otherwise. So it is with a compiler's driver.
  private mutating func joinUnit(of pid: UInt32, _ givers: [UInt32], _ matches: [UInt32: UInt32]) {
    let chain = [pid] + first.history.ancestors(of: pid)
    let unit = chain.first { candidate in
      givers.allSatisfy { $0 == candidate || first.history.ancestors(of: $0).contains(candidate) }
    }
    guard let unit, unit != pid, let match = matches[unit] else { return }
    if indices[unit] == nil {
      indices[unit] = processes.count
      processes.append(Process(first: unit, second: match, inputs: [], outputs: []))
    }
    let index = indices[unit]!
    for process in processes where process.first != unit && first.history.ancestors(of: process.first).contains(unit) {
      for input in process.inputs {
        switch input {
        case .temporaryFiles: continue
        case .textOf(let speaker) where first.history.ancestors(of: speaker).contains(unit): continue
        case .file(let path) where writers(of: path).allSatisfy({ first.history.ancestors(of: $0).contains(unit) }):
          continue
        default: if !processes[index].inputs.contains(input) { processes[index].inputs.append(input) }
        }
      }
      processes[index].hints += process.hints.filter { !processes[index].hints.contains($0) }
    }
    for output in processes[indices[pid]!].outputs where !processes[index].outputs.contains(output) {
      processes[index].outputs.append(output)
    }
  }

  private func start(of pid: UInt32) -> (UInt64, UInt32) { (first.history[pid]?.start ?? 0, pid) }

  private func status(_ run: RunFiles, _ pid: UInt32) -> WaitStatus? { run.history[pid]?.status }

  /// A source was changed in between if it is the same file of the host in both runs; if it is another one, its contents tell.
  private func changedSources(_ pair: ProcessMatching.Pair) -> [Difference] {
    let ours = sourcesRead(first, pair.first)
    if ours.isEmpty { return [] }
    let theirs = sourcesRead(second, pair.second)
    let found: [(path: [UInt8], difference: Difference)] = ours.compactMap { path, time in
      let name = first.history.paths.path(of: path)
      guard let other = second.history.paths.id(of: name), let again = theirs[other] else { return nil }
      if first.file(ofVersion: 0, at: path) != second.file(ofVersion: 0, at: other) {
        guard let contents = first.sourceDigest(of: path), let others = second.sourceDigest(of: other),
          contents != others
        else { return nil }
        return (name, .otherSource(name))
      }
      guard let changed = first.changeTime(of: path), let before = first.wallTime(time),
        let after = second.wallTime(again), (min(before, after)...max(before, after)).contains(changed)
      else { return nil }
      return (name, .source(name))
    }
    return found.sorted { $0.path.lexicographicallyPrecedes($1.path) }.map(\.difference)
  }

  /// When a process first used what was there before its run, by path.
  private func sourcesRead(_ run: RunFiles, _ pid: UInt32) -> [PathTable.ID: UInt64] {
    run.history.accesses(by: pid).reduce(into: [:]) { times, access in
      if [.read, .exec, .readLink].contains(access.kind), access.version == 0, times[access.path] == nil {
        times[access.path] = access.time
      }
    }
  }

  private func writtenDifferences(_ pair: ProcessMatching.Pair) -> [Difference] {
    let ours = first.written(pair.first)
    let theirs = second.written(pair.second)
    var found: [Difference] = []
    for path in Set(ours.files.keys).union(theirs.files.keys).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      guard let version = ours.files[path], let other = theirs.files[path] else {
        found.append(.file(path))
        continue
      }
      if first.differs(version, from: other, of: second) { found.append(.file(path)) }
    }
    if ours.temporary.count == theirs.temporary.count, ours.temporary != theirs.temporary {
      found.append(.temporaryFiles)
    }
    return found
  }
}
