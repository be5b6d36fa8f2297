import Glibc
import Network
import Synchronization
import SystemPackage

/// Where the streams of a run are kept.
final class StreamStore: Sendable {
  private let directory: NetworkDirectory
  private let threads: RecordingThreads
  private let last = Mutex<[Domain: Int]>([:])

  /// - Parameter threads: that write.
  init(_ directory: NetworkDirectory, threads: RecordingThreads) {
    self.directory = directory
    self.threads = threads
  }

  /// - Throws: what the file system says.
  func begin(_ header: StreamHeader, of domain: Domain) throws(Errno) -> StreamRecorder {
    let path = try directory.path(of: domain) + "/streams"
    if mkdir(path, 0o755) < 0, errno != EEXIST { throw Errno(rawValue: errno) }
    let number = last.withLock { last in
      last[domain, default: 0] += 1
      return last[domain]!
    }
    let file = try StreamFile(try DirectoryHandle(path), number)
    return StreamRecorder(file, header, by: RecordingQueue(threads))
  }
}
