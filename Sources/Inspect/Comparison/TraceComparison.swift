import Tracing

/// Two runs: in which processes they differ, and who made the difference.
///
/// A process has made one if all that it was given is the same in both runs and what it gave is not: it drew by chance, asked for the time, or
/// for what the trace does not tell. All others that differ were given something else.
public struct TraceComparison {
  /// In what a process differs.
  public enum Difference: Sendable, Equatable {
    case arguments, directory, executable, status
    /// These variables.
    case environment([[UInt8]])
    /// It wrote something else to descriptors 1 and 2.
    case text
    /// What another process (of the first run) wrote to its descriptors 1 and 2 may have come to this one by a pipe.
    case textOf(UInt32)
    /// It has read or written other contents at a path.
    case file([UInt8])
    /// The host's file there was changed between the two.
    case source([UInt8])
    /// It has read or written other temporary files.
    case temporaryFiles
  }

  /// A process in which the runs differ.
  public struct Process: Sendable {
    /// Its numbers in both.
    public var first: UInt32
    public var second: UInt32
    /// What it was given otherwise, and what it gave otherwise.
    public var inputs: [Difference]
    public var outputs: [Difference]
    /// Whether it has made the difference.
    public var isCulprit: Bool { inputs.isEmpty && !outputs.isEmpty }
  }

  /// A file that the runs have left with different contents, or that only one has left.
  public struct File: Sendable {
    public var path: [UInt8]
    /// Who wrote it; nil where it was not written.
    public var first: UInt32?
    public var second: UInt32?
    /// The number in the first run of who made the difference, if that is known.
    public var culprit: UInt32?
  }

  /// By the time at which they began in the first run.
  public private(set) var processes: [Process] = []
  /// Who ran in one of them alone, without those that it started itself.
  public let onlyFirst: [UInt32]
  public let onlySecond: [UInt32]
  /// By path.
  public private(set) var files: [File] = []

  public var firstHistory: RunHistory { first.history }
  public var secondHistory: RunHistory { second.history }
  public var isEmpty: Bool { processes.isEmpty && onlyFirst.isEmpty && onlySecond.isEmpty && files.isEmpty }

  let first: RunFiles
  let second: RunFiles
  let pairs: [ProcessMatching.Pair]
  private var indices: [UInt32: Int] = [:]

  /// - Throws: a message if one of the traces cannot be read.
  public init(_ first: TraceDirectory, _ second: TraceDirectory) throws(TraceError) {
    self.first = try RunFiles(first)
    self.second = try RunFiles(second)
    let matching = ProcessMatching(self.first, self.second)
    pairs = matching.pairs
    onlyFirst = matching.onlyFirst
    onlySecond = matching.onlySecond
    compareProcesses()
    compareFiles()
  }

  private mutating func compareProcesses() {
    let ordered = pairs.sorted { start(of: $0.first) < start(of: $1.first) }
    let speakers = Speakers(
      ordered.filter { first.texts[$0.first] != second.texts[$0.second] }.map(\.first), first.history)
    var shared: [(UInt32, [UInt32])] = []
    let failed = Set(ordered.filter { status(first, $0.first) != status(second, $0.second) }.map(\.first))
    for pair in ordered {
      let given = Given(first, pair.first)
      let other = Given(second, pair.second)
      var process = Process(
        first: pair.first, second: pair.second, inputs: given.differences(from: other) + changedSources(pair),
        outputs: writtenDifferences(pair))
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
      guard !process.inputs.isEmpty || !process.outputs.isEmpty else { continue }
      indices[pair.first] = processes.count
      processes.append(process)
    }
    let matches = Dictionary(uniqueKeysWithValues: pairs.map { ($0.first, $0.second) })
    for (pid, givers) in shared { joinUnit(of: pid, givers, matches) }
    processes = processes.sorted { start(of: $0.first) < start(of: $1.first) }
    for (index, process) in processes.enumerated() { indices[process.first] = index }
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
    }
    for output in processes[indices[pid]!].outputs where !processes[index].outputs.contains(output) {
      processes[index].outputs.append(output)
    }
  }

  private func start(of pid: UInt32) -> (UInt64, UInt32) { (first.history[pid]?.start ?? 0, pid) }

  private func status(_ run: RunFiles, _ pid: UInt32) -> WaitStatus? { run.history[pid]?.status }

  /// A source is the same file of the host in both runs, and was changed in between.
  private func changedSources(_ pair: ProcessMatching.Pair) -> [Difference] {
    let ours = sourcesRead(first, pair.first)
    if ours.isEmpty { return [] }
    let theirs = sourcesRead(second, pair.second)
    return ours.compactMap { path, time in
      guard let changed = first.changeTime(of: path), let before = first.wallTime(time) else { return nil }
      let name = first.history.paths.path(of: path)
      guard let again = second.history.paths.id(of: name).flatMap({ theirs[$0] }), let after = second.wallTime(again),
        (min(before, after)...max(before, after)).contains(changed)
      else { return nil }
      return name
    }.sorted { $0.lexicographicallyPrecedes($1) }.map { .source($0) }
  }

  /// When a process first read what was there before its run, by path.
  private func sourcesRead(_ run: RunFiles, _ pid: UInt32) -> [PathTable.ID: UInt64] {
    run.history.accesses(by: pid).reduce(into: [:]) { times, access in
      if access.kind == .read, access.version == 0, times[access.path] == nil { times[access.path] = access.time }
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

  private mutating func compareFiles() {
    let theirs = Dictionary(
      uniqueKeysWithValues: second.lastVersions.map { (second.history.paths.path(of: $0), (version: $1, path: $0)) })
    var seen: Set<[UInt8]> = []
    for (place, version) in first.lastVersions {
      let path = first.history.paths.path(of: place)
      seen.insert(path)
      let writer = first.history.origin(ofVersion: version)?.writer
      guard let other = theirs[path] else {
        files.append(File(path: path, first: writer))
        continue
      }
      guard first.differs((version, place), from: other, of: second) else { continue }
      files.append(
        File(
          path: path, first: writer, second: second.history.origin(ofVersion: other.version)?.writer,
          culprit: writer.flatMap(culprit)))
    }
    for (path, other) in theirs where !seen.contains(path) {
      files.append(File(path: path, second: second.history.origin(ofVersion: other.version)?.writer))
    }
    files.sort { $0.path.lexicographicallyPrecedes($1.path) }
  }

  /// From whom a process has what it was given otherwise, back to the first.
  private func culprit(behind pid: UInt32) -> UInt32? {
    var pending = [pid]
    var seen: Set<UInt32> = []
    var found: UInt32?
    while let next = pending.popLast() {
      guard seen.insert(next).inserted, let index = indices[next] else { continue }
      let process = processes[index]
      if process.isCulprit, found.map({ indices[$0]! > index }) ?? true { found = next }
      for input in process.inputs {
        switch input {
        case .textOf(let speaker): pending.append(speaker)
        case .file(let path): pending += writers(of: path)
        case .temporaryFiles:
          pending += first.history.ancestors(of: next).first { indices[$0] != nil }.map { [$0] } ?? []
        default: break
        }
      }
    }
    return found
  }

  private func writers(of path: [UInt8]) -> [UInt32] { first.history.paths.id(of: path).map(writers) ?? [] }

  private func writers(of place: PathTable.ID) -> [UInt32] {
    first.history.accesses(of: place).filter { [.create, .write, .truncate, .renameTo].contains($0.kind) }.map(
      \.pid)
  }
}

/// Who of a run has printed something else, and who may have heard it.
private struct Speakers {
  private let history: RunHistory
  /// The first below each process, and the first among its own children.
  private var below: [UInt32: UInt32] = [:]
  private var children: [UInt32: UInt32] = [:]

  init(_ speakers: [UInt32], _ history: RunHistory) {
    self.history = history
    for speaker in speakers {
      for ancestor in history.ancestors(of: speaker) where below[ancestor] == nil { below[ancestor] = speaker }
      if let parent = history[speaker]?.parent { children[parent] = min(speaker, children[parent] ?? .max) }
    }
  }

  /// One below it, or a sibling before it.
  func heard(by pid: UInt32) -> UInt32? {
    if let speaker = below[pid] { return speaker }
    return history[pid]?.parent.flatMap { children[$0] }.flatMap { $0 < pid ? $0 : nil }
  }
}
