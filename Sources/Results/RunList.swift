import Glibc
import Supervisor
import SystemPackage
import Tracing

/// The runs that a build directory keeps, the oldest first.
public struct RunList: Sendable {
  /// A run, as far as its directory tells without its events.
  public struct Run: Sendable {
    public let trace: TraceDirectory
    public let step: UInt32
    public let attempt: UInt32
    /// Nanoseconds since 1970.
    public let started: UInt64
    /// Until its record was written, nanoseconds; nil for one that goes on or was killed.
    public let duration: UInt64?

    /// `STEP/ATTEMPT`
    public var number: String { "\(step)/\(attempt)" }
    public var isInProgress: Bool { trace.isInProgress }
    public var command: [[UInt8]] { (try? trace.fields(of: "cmd"))?.compactMap(\.first) ?? [] }
    /// Bytes on the disk.
    public var size: UInt64 { UInt64(LayerUsage(tree: trace.path).bytes) }

    /// The exit status of a run that was recorded to its end.
    public var exitStatus: Int? {
      guard trace.isComplete, let line = try? trace.fields(of: "status").first, line.count == 2 else { return nil }
      return Int(String(decoding: line[1], as: UTF8.self))
    }

    public enum Status: Sendable, Equatable {
      case exit(Int)
      case inProgress, killed, incomplete
    }

    public var status: Status {
      if let exitStatus { return .exit(exitStatus) }
      if isInProgress { return .inProgress }
      return trace.state == .killed ? .killed : .incomplete
    }

    /// - Returns: nil if the directory is none of a run's, or cannot be looked into.
    init?(build: String, step: UInt32, attempt: UInt32) {
      let path = "\(build)/\(step)/\(attempt)"
      var status = stat()
      guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
      func time(of name: String) -> UInt64? {
        guard lstat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return UInt64(max(0, status.st_mtim.tv_sec)) &* 1_000_000_000 &+ UInt64(status.st_mtim.tv_nsec)
      }
      // Written first and last, and never again.
      guard let started = time(of: "options"), let trace = try? TraceDirectory(path) else { return nil }
      self.trace = trace
      self.step = step
      self.attempt = attempt
      self.started = started
      duration = time(of: "files.index").map { $0 > started ? $0 - started : 0 }
    }
  }

  /// Without symbolic links.
  public let build: String
  public private(set) var runs: [Run] = []

  /// - Throws: a message if there is no such directory.
  public init(build: String) throws(TraceError) {
    guard let real = realPath(build) else {
      let reason = errno == ENOENT ? "no runs are kept there" : "\(Errno(rawValue: errno))"
      throw TraceError("cannot find the build directory \(build): \(reason); --build names another")
    }
    self.build = real
    for step in Self.numbers(in: self.build) {
      for attempt in Self.numbers(in: "\(self.build)/\(step)") {
        if let run = Run(build: self.build, step: step, attempt: attempt) { runs.append(run) }
      }
    }
    runs.sort { ($0.started, $0.step, $0.attempt) < ($1.started, $1.step, $1.attempt) }
  }

  /// Those that `last` and the like count, the newest first. A run that `uwrx run --verify` has made in a copy of the project stands on what
  /// is gone. Each is only looked at when it is come to.
  public var newestOwnRuns: some Collection<Run> { runs.reversed().lazy.filter { !isInCopy($0) } }

  private func isInCopy(_ run: Run) -> Bool {
    guard let sources = try? run.trace.fields(of: "sources") else { return false }
    // The runs may have been elsewhere then.
    return sources.contains { fields in
      fields.last?.split(separator: UInt8(ascii: "/")).contains {
        $0.starts(with: RunDirectory.verificationPrefix.utf8)
      } ?? false
    }
  }

  /// What `RunDirectory` makes, never through a link.
  private static func numbers(in directory: String) -> [UInt32] {
    var status = stat()
    guard lstat(directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return [] }
    return (directoryEntries(directory) ?? []).compactMap { name in
      UInt32(name).flatMap { String($0) == name ? $0 : nil }
    }
  }
}
