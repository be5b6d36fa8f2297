import Glibc
import Tracing

/// Files of the host that a run has read and that have changed since it began.
public struct ChangedSources: Sendable {
  /// Where the run saw it, where it is, and whether it is there any more.
  public struct File: Sendable, Equatable {
    public var path: [UInt8]
    public var hostPath: [UInt8]
    public var isGone: Bool
  }

  /// By their paths.
  public let files: [File]

  /// - Parameter history: that of the trace, with accesses.
  /// - Throws: a message if the trace cannot be read.
  public init(_ trace: TraceDirectory, _ history: RunHistory) throws(TraceError) {
    let lower = try LowerFiles(trace)
    // A trace that does not tell when it began tells of nothing that was before.
    let start = history.wallClock ?? 0
    var files: [File] = []
    for id in history.paths.ids where history.accesses(of: id).contains(where: Self.readsWhatWasThere) {
      let path = history.paths.path(of: id)
      guard let hostPath = lower.file(path) else {
        // What stands in no source is the run's own, as in /tmp.
        guard lower.isOfSource(path) else { continue }
        files.append(File(path: path, hostPath: [], isGone: true))
        continue
      }
      // stat(2): nobody sets st_ctim to what it was.
      if let time = Self.changeTime(hostPath), time > start {
        files.append(File(path: path, hostPath: hostPath, isGone: false))
      }
    }
    self.files = files.sorted { $0.path.lexicographicallyPrecedes($1.path) }
  }

  private static func readsWhatWasThere(_ access: Access) -> Bool {
    access.version == 0 && (access.kind == .read || access.kind == .exec)
  }

  /// Nanoseconds since 1970; nil for what is no regular file.
  private static func changeTime(_ path: [UInt8]) -> UInt64? {
    var status = stat()
    let found = (path.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { lstat($0.baseAddress!, &status) }
    guard found == 0, status.st_mode & S_IFMT == S_IFREG, status.st_ctim.tv_sec >= 0 else { return nil }
    return UInt64(status.st_ctim.tv_sec) * 1_000_000_000 + UInt64(status.st_ctim.tv_nsec)
  }
}
