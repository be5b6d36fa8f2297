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
    /// It has made or removed something there in one run alone, or given it another type, mode, owner or time.
    case entry([UInt8])
    /// The host's file there was changed between the two.
    case source([UInt8])
    /// The host's file there is another one in the second run, with other contents.
    case otherSource([UInt8])
    /// The host had something there in one run that in the other one was looked for in vain.
    case sourceOnlyFirst([UInt8])
    case sourceOnlySecond([UInt8])
    /// The host's directory there, which it has listed, was changed between the two.
    case listing([UInt8])
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
    /// What it was given otherwise and most who are given it do not go by: they count where it gave something else.
    var hints: [Difference] = []
    /// Whether it has made the difference.
    public var isCulprit: Bool { inputs.isEmpty && !outputs.isEmpty }
  }

  /// A file, directory or whatever else the runs have left with different contents, types, modes, owners or times, or that only one has left.
  public struct File: Sendable {
    public var path: [UInt8]
    /// What has become of it.
    var fates: (first: PathFate, second: PathFate)
    /// Who wrote it, or removed it; nil where it was neither, or a trace does not tell.
    public var first: UInt32?
    public var second: UInt32?
    /// The number in the first run of who made the difference, if that is known.
    public var culprit: UInt32?
    /// If nobody is known to have made it: the number in the first run of who was given something else from outside of the run.
    public var origin: UInt32?
    /// In what type, mode, owner, number of names, extended attributes and time differ.
    public var attributes: [ContentFinding] = []
    /// Both have it, with the same contents.
    var isSameInside = true
    /// "mode", "type" and the like.
    public var attributeNames: [String] {
      attributes.compactMap { if case .field(let name, _, _) = $0.kind { name } else { nil } }
    }
    /// Where both are kept on the host; nil if one is missing, or if the contents are the same.
    var places: (first: [UInt8], second: [UInt8])?
  }

  /// An option, or the seed, that the runs were given differently.
  public struct Setting: Sendable, Equatable {
    public var name: String
    public var first: [UInt8]
    public var second: [UInt8]
  }

  /// What the runs themselves were given differently.
  public let settings: [Setting]
  /// By the time at which they began in the first run.
  public internal(set) var processes: [Process] = []
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
  /// By their numbers in the second run those in the first.
  let matches: [UInt32: UInt32]
  var indices: [UInt32: Int] = [:]

  /// - Throws: a message if one of the traces cannot be read.
  public init(_ first: TraceDirectory, _ second: TraceDirectory) throws(TraceError) {
    self.first = try RunFiles(first)
    self.second = try RunFiles(second)
    settings = RunFiles.differentSettings(self.first, self.second)
    let matching = ProcessMatching(self.first, self.second)
    pairs = matching.pairs
    matches = Dictionary(pairs.map { ($0.second, $0.first) }) { first, _ in first }
    onlyFirst = matching.onlyFirst
    onlySecond = matching.onlySecond
    compareFiles()
    compareProcesses()
    findSources()
  }

  private mutating func compareFiles() {
    let difference = LeftDifference(first, second)
    var paths = Set(first.tree.entries.keys).union(first.tree.removed)
    paths.formUnion(second.tree.entries.keys)
    paths.formUnion(second.tree.removed)
    // What has gone, or moved, with a directory.
    for bases in [first.bases, second.bases] { paths.formUnion(bases.bases.keys.map { [UInt8(ascii: "/")] + $0 }) }
    paths.formUnion(first.renamedPaths + second.renamedPaths)
    for path in paths where !first.isOnTheWay(path) && !second.isOnTheWay(path) { compare(path, difference) }
    // A directory's time is that of the last change of its names.
    let parents = Set(files.map { Self.directory(of: $0.path) })
    files.removeAll { file in
      parents.contains(file.path) && file.isSameInside && file.attributes.allSatisfy(\.isTime)
    }
    files.sort { $0.path.lexicographicallyPrecedes($1.path) }
  }

  private mutating func compare(_ path: [UInt8], _ difference: LeftDifference) {
    let (ours, theirs) = (first.left(at: path, second), second.left(at: path, first))
    if ours.fate == .unchanged && theirs.fate == .unchanged || ours.entry == nil && theirs.entry == nil { return }
    var file = File(path: path, fates: (ours.fate, theirs.fate))
    if let one = ours.entry, let other = theirs.entry {
      file.attributes = difference.findings(path, one, other)
      if one.kind == other.kind, one.kind == .file || one.kind == .link {
        switch (one.place, other.place) {
        case (let mine?, let another?):
          let contents = (first.digest(at: mine), second.digest(at: another))
          if let one = contents.0, let other = contents.1, one != other {
            file.isSameInside = false
            file.places = (mine, another)
          }
        default:
          // What was there is not known any more: nobody who wrote it has left it as it was.
          let isWritten = first.hasWritten(path, ours.fate) || second.hasWritten(path, theirs.fate)
          file.isSameInside = one.size == other.size && !isWritten
        }
      }
      if file.isSameInside, file.attributes.isEmpty { return }
    } else {
      file.isSameInside = false
    }
    file.first = first.doer(of: path, ours.fate, isSameInside: file.isSameInside)
    file.second = second.doer(of: path, theirs.fate, isSameInside: file.isSameInside)
    files.append(file)
  }

  private static func directory(of path: [UInt8]) -> [UInt8] {
    Array(path[..<(path.lastIndex(of: UInt8(ascii: "/")) ?? 0)])
  }

  private mutating func findSources() {
    for index in files.indices {
      let file = files[index]
      // Whoever comes second has its match in the first run.
      let doer = file.first ?? file.second.flatMap { matches[$0] }
      guard let (culprit, origin) = doer.map(sources) else { continue }
      files[index].culprit = culprit
      files[index].origin = culprit == nil ? origin : nil
    }
  }

  /// In what a file of both runs differs. Reads it, and what is in it.
  public func contents(of file: File) -> [ContentFinding] {
    file.attributes + (file.places.map { ComparedFiles.findings($0.first, $0.second) } ?? [])
  }

  /// From whom a process has what it was given otherwise, back to the first: who has made a difference, and who was given one.
  private func sources(behind pid: UInt32) -> (culprit: UInt32?, origin: UInt32?) {
    var pending = [pid]
    var seen: Set<UInt32> = []
    var (culprit, origin): (Int?, Int?)
    while let next = pending.popLast() {
      guard seen.insert(next).inserted, let index = indices[next] else { continue }
      let process = processes[index]
      if process.isCulprit { culprit = min(index, culprit ?? index) }
      if process.inputs.contains(where: { !origins($0, of: process).isEmpty }) { origin = min(index, origin ?? index) }
      for input in process.inputs {
        switch input {
        case .textOf(let speaker): pending.append(speaker)
        case .file(let path): pending += writers(of: path)
        case .temporaryFiles, .arguments, .directory, .environment:
          if let above = first.history.ancestors(of: next).first(where: { indices[$0] != nil }) {
            pending.append(above)
          }
        default: break
        }
      }
    }
    return (culprit.map { processes[$0].first }, origin.map { processes[$0].first })
  }

  func writers(of path: [UInt8]) -> [UInt32] { first.history.paths.id(of: path).map(writers) ?? [] }

  func writers(of place: PathTable.ID) -> [UInt32] {
    first.history.accesses(of: place).filter { [.create, .write, .truncate, .renameTo].contains($0.kind) }.map(
      \.pid)
  }
}
