import Glibc
import Supervisor

/// The directory that holds all that a run of the suite makes. Not below /tmp, which is private under uwrx; open to all for
/// passing through, because an ordinary user's run must reach its programs, but not for listing.
public final class Scratch: @unchecked Sendable {
  private let lock = Lock()
  private let directory: TemporaryDirectory
  var path: String { directory.path }
  var programs: String { "\(path)/bin" }
  var tools: String { "\(path)/tools" }

  /// - Parameter parent: by default what the environment variable UWRX_CONFORMANCE_DIR names, or /var/tmp.
  public init(_ set: FixtureSet, in parent: String? = nil) throws(ConformanceError) {
    let parent = parent ?? getenv("UWRX_CONFORMANCE_DIR").map { String(cString: $0) } ?? "/var/tmp"
    do {
      directory = try TemporaryDirectory(in: parent, prefix: "uwrx-fixtures-")
    } catch {
      throw ConformanceError(
        "cannot make a directory in \(parent): \(String(cString: strerror(errno))); "
          + "name another with UWRX_CONFORMANCE_DIR")
    }
    umask(0o022)
    chmod(directory.path, 0o711)
    for name in ["bin", "bin/dynamic", "bin/static", "fixtures", "tools", "cases"] {
      try makeDirectory("\(directory.path)/\(name)")
    }
    for fixture in set.fixtures { try writeFile("\(directory.path)/fixtures/\(fixture.name).c", fixture.source) }
    for header in set.headers { try writeFile("\(directory.path)/fixtures/\(header.name)", header.text) }
    try writeFile("\(tools)/prepare", set.prepare, mode: 0o755)
    try writeFile("\(tools)/snapshot", set.snapshot, mode: 0o755)
  }

  /// A process that was killed a moment ago may still be making files.
  public func remove() {
    lock.lock()
    defer { lock.unlock() }
    directory.remove()
    for _ in 0..<200 where access(path, F_OK) == 0 {
      usleep(10_000)
      TemporaryDirectory.removeTree(path)
    }
  }
}
