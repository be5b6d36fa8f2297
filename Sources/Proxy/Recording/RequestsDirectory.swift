import Glibc
import NIOCore
import Synchronization
import SystemPackage
import Tracing

/// A domain's directory `requests`: the log of its exchanges, and the files of bodies that are too long for it (``ExchangeStore``).
///
/// One that is there already is gone on with: what its writer did not write to its end, since it was killed, is cut off.
final class RequestsDirectory: Sendable {
  /// How far it has come.
  final class Progress: Sendable {
    /// The next exchange's number.
    fileprivate let next: Mutex<UInt64>
    /// Where the log's last record ends.
    fileprivate let end: Mutex<Int>

    fileprivate init(end: Int, last: Int) {
      next = Mutex(UInt64(last) + 1)
      self.end = Mutex(end)
    }
  }

  let handle: DirectoryHandle
  let progress: Progress
  private let log: WritableFile

  /// - Parameter progress: of who had it open before in this process.
  init(_ path: String, after progress: Progress?) throws(Errno) {
    if mkdir(path, 0o755) < 0, errno != EEXIST { throw Errno(rawValue: errno) }
    handle = try DirectoryHandle(path)
    let file = openat(
      handle.descriptor, ExchangeLog.name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard file >= 0 else { throw Errno(rawValue: errno) }
    log = WritableFile(descriptor: file)
    if let progress {
      self.progress = progress
    } else {
      let (end, last) = try Self.find(handle)
      self.progress = Progress(end: end, last: last)
      try log.cut(at: end)
    }
  }

  /// - Returns: where the log's last record ends, and the number of the last exchange of which there is anything.
  private static func find(_ handle: DirectoryHandle) throws(Errno) -> (end: Int, last: Int) {
    let last = try handle.lastNumber()
    let log: ExchangeLog?
    do { log = try ExchangeLog(in: FileDescriptor(rawValue: handle.descriptor)) } catch { throw .invalidArgument }
    guard let contents = try log?.contents() else { return (0, last) }
    // Nobody but a proxy writes here.
    guard contents.damage == nil else { throw .invalidArgument }
    return (contents.end, contents.records.reduce(last) { max($0, $1.number) })
  }

  func begin() -> UInt64 {
    progress.next.withLock { next in
      defer { next += 1 }
      return next
    }
  }

  /// Writes records to the log, all or none.
  /// - Returns: where the first of them begins.
  func append(_ bytes: [UInt8]) throws(Errno) -> Int {
    try progress.end.withLock { end throws(Errno) in
      do throws(Errno) { try log.write(bytes) } catch {
        try? log.cut(at: end)
        throw error
      }
      defer { end += bytes.count }
      return end
    }
  }
}
