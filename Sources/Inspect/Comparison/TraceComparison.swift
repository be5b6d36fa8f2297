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
    /// The host's file there is another one in the second run, with other contents.
    case otherSource([UInt8])
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

  /// A file that the runs have left with different contents, modes or owners, or that only one has left.
  public struct File: Sendable {
    public var path: [UInt8]
    /// Who wrote it; nil where it was not written.
    public var first: UInt32?
    public var second: UInt32?
    /// The number in the first run of who made the difference, if that is known.
    public var culprit: UInt32?
    /// If nobody is known to have made it: the number in the first run of who was given something else from outside of the run.
    public var origin: UInt32?
    /// In what mode, owner and number of names differ.
    public var attributes: [ContentFinding] = []
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
  var indices: [UInt32: Int] = [:]

  /// - Throws: a message if one of the traces cannot be read.
  public init(_ first: TraceDirectory, _ second: TraceDirectory) throws(TraceError) {
    self.first = try RunFiles(first)
    self.second = try RunFiles(second)
    settings = RunFiles.differentSettings(self.first, self.second)
    let matching = ProcessMatching(self.first, self.second)
    pairs = matching.pairs
    onlyFirst = matching.onlyFirst
    onlySecond = matching.onlySecond
    compareProcesses()
    compareFiles()
  }

  private mutating func compareFiles() {
    let (ours, theirs) = (first.left(), second.left())
    for (path, mine) in ours {
      guard let other = theirs[path] else {
        files.append(File(path: path, first: mine.writer))
        continue
      }
      let differs = first.differs((mine.version, mine.path), from: (other.version, other.path), of: second)
      let attributes =
        mine.version == 0 || other.version == 0
        ? []
        : AttributeDifference.findings(
          first.attributes(ofVersion: mine.version, at: mine.path),
          second.attributes(ofVersion: other.version, at: other.path))
      guard differs || !attributes.isEmpty else { continue }
      let (culprit, origin) = differs ? mine.writer.map(sources) ?? (nil, nil) : (nil, nil)
      var file = File(path: path, first: mine.writer, second: other.writer, culprit: culprit, attributes: attributes)
      file.origin = culprit == nil ? origin : nil
      if differs, let one = first.leftFile(ofVersion: mine.version, at: mine.path),
        let another = second.leftFile(ofVersion: other.version, at: other.path)
      {
        file.places = (one, another)
      }
      files.append(file)
    }
    for (path, other) in theirs where ours[path] == nil { files.append(File(path: path, second: other.writer)) }
    files.sort { $0.path.lexicographicallyPrecedes($1.path) }
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
