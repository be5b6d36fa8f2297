import Glibc
import Tracing

/// The body of an answer as it is recorded (``ExchangeStore``).
struct RecordedBody: Sendable {
  let requests: DirectoryHandle
  let number: UInt64
  /// Where it stands in the log; nil if it has a file of its own.
  let place: Range<Int>?

  private var name: String { place == nil ? "\(number).response-body" : ExchangeLog.name }

  /// Bytes.
  var size: Int? {
    if let place { return place.count }
    var status = stat()
    return fstatat(requests.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? Int(status.st_size) : nil
  }

  /// Gives its file another name.
  /// - Parameter path: from `requests` on.
  /// - Returns: the errno of linkat(2), or 0; ENOENT if it has no file of its own.
  func link(to path: String) -> Int32 {
    guard place == nil else { return ENOENT }
    return linkat(requests.descriptor, name, requests.descriptor, path, 0) == 0 ? 0 : errno
  }

  /// Copies its first bytes to a place in a file.
  func copy(_ count: UInt64, to file: WritableFile, at offset: UInt64) -> Bool {
    let source = openat(requests.descriptor, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard source >= 0 else { return false }
    defer { close(source) }
    return file.copy(from: source, at: place?.lowerBound ?? 0, count: count, to: offset)
  }
}
