import Glibc
import Tracing

/// Files of the host that a run has read, or looked for in vain, and that have changed since it began.
public struct ChangedSources: Sendable {
  /// What has become of a file.
  public enum Change: Sendable {
    case changed, gone
    /// The run has not found it.
    case appeared
  }

  /// Where the run saw it, and where it is.
  public struct File: Sendable, Equatable {
    public var path: [UInt8]
    public var hostPath: [UInt8]
    public var change: Change
  }

  /// A source that is not there any more, or an archive that has changed: where the run saw it, its type, and where it is.
  public struct Source: Sendable, Equatable {
    public var destination: [UInt8]
    public var type: [UInt8]
    public var hostPath: [UInt8]
    public var isGone: Bool
  }

  /// By their paths; none of a source that is gone itself.
  public let files: [File]
  /// As the trace has them.
  public let sources: [Source]

  /// - Parameter history: that of the trace, with accesses.
  /// - Throws: a message if the trace cannot be read.
  public init(_ trace: TraceDirectory, _ history: RunHistory) throws(TraceError) {
    let lower = try LowerFiles(trace)
    // A trace that does not tell when it began tells of nothing that was before.
    let start = history.wallClock ?? 0
    sources = try trace.fields(of: "sources").compactMap { Self.changed($0, since: start) }
    let gone = sources.filter(\.isGone).map(\.destination)
    var files: [File] = []
    // The directory that holds the runs is hidden from all of them.
    let build = trace.options["build"] ?? []
    for id in history.paths.ids {
      let accesses = history.accesses(of: id)
      // Whoever looked first has found none, whatever the run has put there itself.
      if accesses.first?.kind == .missing {
        let path = history.paths.path(of: id)
        guard lower.isOfSource(path), let hostPath = lower.file(path), !Self.isWithin(hostPath, build),
          let time = Self.changeTime(hostPath, ofAnyKind: true), time > start
        else { continue }
        files.append(File(path: path, hostPath: hostPath, change: .appeared))
        continue
      }
      guard accesses.contains(where: Self.readsWhatWasThere) else { continue }
      let path = history.paths.path(of: id)
      guard let hostPath = lower.file(path) else {
        // What stands in no source is the run's own, as in /tmp.
        guard lower.isOfSource(path),
          !gone.contains(where: { Self.isWithin(path, $0) })
        else { continue }
        files.append(File(path: path, hostPath: [], change: .gone))
        continue
      }
      // stat(2): nobody sets st_ctim to what it was.
      if let time = Self.changeTime(hostPath), time > start {
        files.append(File(path: path, hostPath: hostPath, change: .changed))
      }
    }
    self.files = files.sorted { $0.path.lexicographicallyPrecedes($1.path) }
  }

  /// - Parameter line: destination, priority, type and specification. Of a repository the trace names the commit.
  private static func changed(_ line: [[UInt8]], since start: UInt64) -> Source? {
    guard line.count == 4, let type = line[2].split(separator: UInt8(ascii: ",")).first.map({ Array($0) }),
      ["host", "public", "tar", "squashfs", "oci", "git"].contains(String(decoding: type, as: UTF8.self))
    else { return nil }
    let isArchive = !["host", "public"].contains(String(decoding: type, as: UTF8.self))
    var path = line[3]
    // `file!/subpath`, `repository!treeish`
    if isArchive, !exists(path), let end = path.firstIndex(of: UInt8(ascii: "!")) { path = Array(path[..<end]) }
    let word = isArchive ? type : Array("host".utf8)
    if !exists(path) { return Source(destination: line[0], type: word, hostPath: path, isGone: true) }
    guard isArchive, let time = changeTime(path), time > start else { return nil }
    return Source(destination: line[0], type: word, hostPath: path, isGone: false)
  }

  private static func exists(_ path: [UInt8]) -> Bool {
    var status = stat()
    return (path.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { stat($0.baseAddress!, &status) } == 0
  }

  private static func readsWhatWasThere(_ access: Access) -> Bool {
    access.version == 0 && (access.kind == .read || access.kind == .exec)
  }

  private static func isWithin(_ path: [UInt8], _ directory: [UInt8]) -> Bool {
    !directory.isEmpty && path.starts(with: directory)
      && (path.count == directory.count || path[directory.count] == UInt8(ascii: "/"))
  }

  /// Nanoseconds since 1970; nil for what is no regular file, unless any kind is wanted.
  private static func changeTime(_ path: [UInt8], ofAnyKind: Bool = false) -> UInt64? {
    var status = stat()
    let found = (path.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { lstat($0.baseAddress!, &status) }
    guard found == 0, ofAnyKind || status.st_mode & S_IFMT == S_IFREG, status.st_ctim.tv_sec >= 0 else { return nil }
    return UInt64(status.st_ctim.tv_sec) * 1_000_000_000 + UInt64(status.st_ctim.tv_nsec)
  }
}
