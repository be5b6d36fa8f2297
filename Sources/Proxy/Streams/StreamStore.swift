import Glibc
import Network
import Synchronization
import SystemPackage

/// Where the streams of a run are kept.
final class StreamStore: Sendable {
  private let directory: NetworkDirectory
  private let last = Mutex<[Domain: Int]>([:])

  init(_ directory: NetworkDirectory) { self.directory = directory }

  /// - Parameter queue: the connection's.
  /// - Throws: what the file system says.
  func begin(_ header: StreamHeader, of domain: Domain, by queue: RecordingQueue) throws(Errno) -> StreamRecorder {
    let path = try directory.path(of: domain) + "/streams"
    if mkdir(path, 0o755) < 0, errno != EEXIST { throw Errno(rawValue: errno) }
    let streams = try DirectoryHandle(path)
    // Numbers go on after those of a proxy that ended before.
    let before = last.withLock { $0[domain] } == nil ? try streams.lastNumber() : 0
    let number = last.withLock { last in
      last[domain] = (last[domain] ?? before) + 1
      return last[domain]!
    }
    return StreamRecorder(StreamFile(streams, ".\(number)", finished: "\(number)"), header, by: queue)
  }
}
