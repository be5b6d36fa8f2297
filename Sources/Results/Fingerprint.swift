import Glibc
import Tracing

/// By what it is told whether a file is still the one that it was.
struct Fingerprint: Equatable {
  /// `st_mode`
  var mode: UInt32
  var size: Int64
  /// Nanoseconds since 1970.
  var modified: Int64
  var inode: UInt64

  init(_ status: stat) {
    mode = UInt32(status.st_mode)
    size = Int64(status.st_size)
    modified = Self.time(status.st_mtim)
    inode = UInt64(status.st_ino)
  }

  static func time(_ time: timespec) -> Int64 { Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec) }

  var type: UInt32 { mode & S_IFMT }

  /// Of a directory what is in it is told by itself.
  static func matches(_ status: stat, _ base: LowerBases.Base) -> Bool {
    let now = Fingerprint(status)
    guard now.type == base.mode & S_IFMT else { return false }
    switch now.type {
    case S_IFDIR: return true
    case S_IFLNK: return now.size == base.size && now.modified == base.modified
    default: return now.mode & 0o7777 == base.mode & 0o7777 && now.size == base.size && now.modified == base.modified
    }
  }

  /// Whether what is there now is what was put there.
  /// - Parameter isSameFile: it must be the very file, not another like it.
  func matches(_ status: stat, isSameFile: Bool) -> Bool {
    let now = Fingerprint(status)
    guard now.type == type else { return false }
    if type == S_IFDIR { return now.mode == mode }
    return now.mode == mode && now.size == size && now.modified == modified && (!isSameFile || now.inode == inode)
  }

  // MARK: In a journal

  static let none = "-"
  var text: String { "\(String(mode, radix: 8)):\(size):\(modified):\(inode)" }

  /// - Returns: nil for what is no fingerprint.
  init?(_ text: String) {
    let fields = text.split(separator: ":").map(String.init)
    guard fields.count == 4, let mode = UInt32(fields[0], radix: 8), let size = Int64(fields[1]),
      let modified = Int64(fields[2]), let inode = UInt64(fields[3])
    else { return nil }
    self.mode = mode
    self.size = size
    self.modified = modified
    self.inode = inode
  }
}
