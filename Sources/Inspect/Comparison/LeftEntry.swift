import Glibc
import Tracing

/// What stands at a path when a run has ended.
struct LeftEntry {
  enum Kind: String {
    case file, directory, link, socket, device
    case fifo = "FIFO"

    init(_ mode: UInt32) {
      self =
        switch mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .directory
        case S_IFLNK: .link
        case S_IFIFO: .fifo
        case S_IFSOCK: .socket
        default: .device
        }
    }
  }

  var kind: Kind
  /// Permissions, with set-id and sticky bits.
  var mode: UInt32
  var size: Int64
  /// Nanoseconds since 1970.
  var modified: Int64
  /// nil where the trace does not tell.
  var user: UInt32?
  var group: UInt32?
  /// How many names it has; nil where that is not the run's doing.
  var names: UInt32?
  /// What setxattr(2) has set, by name; nil where it is not known.
  var attributes: [[UInt8]: [UInt8]]?
  /// Where it is kept on the host, with its zero; nil if it is not.
  var place: [UInt8]?

  /// - Parameter place: of any length, with its zero.
  /// - Returns: nil if nothing is there.
  init?(at place: [UInt8]) {
    guard let status = LongPath.status(place) else { return nil }
    self.init(status, at: place)
  }

  init(_ status: stat, at place: [UInt8]) {
    self.init(status, at: place) { Self.attributes(at: place) }
  }

  init(_ entry: DirectoryWalk.Entry, at place: [UInt8]) {
    self.init(entry.status, at: place) { Self.known(UserAttributes.all(of: entry.name, in: entry.directory)) }
  }

  private init(_ status: stat, at place: [UInt8], attributes: () -> [[UInt8]: [UInt8]]?) {
    kind = Kind(UInt32(status.st_mode))
    mode = UInt32(status.st_mode) & 0o7777
    size = Int64(status.st_size)
    modified = Self.nanoseconds(status.st_mtim)
    if kind == .file { names = UInt32(status.st_nlink) }
    self.place = place
    // Nothing else can have what a user sets.
    self.attributes = kind == .file || kind == .directory ? attributes() : [:]
  }

  /// What the record tells of something that a run has left as it was.
  init(_ base: LowerBases.Base, at place: [UInt8]?) {
    kind = Kind(base.mode)
    mode = base.mode & 0o7777
    size = base.size
    modified = base.modified
    self.place = place
    attributes = place.flatMap { Self.attributes(at: $0) }
  }

  static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }

  /// The user's, and those that say how a layer is read.
  private static func attributes(at place: [UInt8]) -> [[UInt8]: [UInt8]]? {
    known((try? LongPath.with(place) { UserAttributes.all(of: $1, in: $0) }) ?? nil)
  }

  /// All of them, or none.
  private static func known(_ all: UserAttributes.Values?) -> [[UInt8]: [UInt8]]? {
    guard let all, !all.values.contains(nil) else { return nil }
    return all.compactMapValues { $0 }
  }
}
