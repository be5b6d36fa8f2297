import Glibc

/// A file of an archive, whatever names it has.
struct Node: BitwiseCopyable {
  /// Type and permissions, as in `st_mode`.
  var mode: UInt32
  var uid: UInt32 = 0
  var gid: UInt32 = 0
  var links: UInt32 = 0
  var size: Int64 = 0
  /// Seconds since 1970, and the nanoseconds beyond them.
  var modified: Int64 = 0
  var nanoseconds: UInt32 = 0
  /// Which of the tree's stores has the contents of a regular file, and their number there.
  var store: UInt32 = 0
  var content: UInt64 = 0
  /// Position of the extended attributes among the tree's bytes; 0 if there are none.
  var attributes: UInt32 = 0
  /// Of a directory, its children; of a symbolic link, its target among the tree's bytes.
  var first: UInt32 = 0
  var count: UInt32 = 0

  var type: UInt32 { mode & FileType.mask }
  var isDirectory: Bool { type == FileType.directory }
  var isRegular: Bool { type == FileType.regular }
  var isLink: Bool { type == FileType.link }
  var isDevice: Bool { type == FileType.characterDevice || type == FileType.blockDevice }

  static let directory = Node(mode: FileType.directory | 0o755)
}

/// The type bits of `st_mode`, inode(7).
enum FileType {
  static let mask = UInt32(S_IFMT)
  static let regular = UInt32(S_IFREG)
  static let directory = UInt32(S_IFDIR)
  static let link = UInt32(S_IFLNK)
  static let characterDevice = UInt32(S_IFCHR)
  static let blockDevice = UInt32(S_IFBLK)
  static let fifo = UInt32(S_IFIFO)
  static let socket = UInt32(S_IFSOCK)
  static let known = [regular, directory, link, fifo, socket, characterDevice, blockDevice]
}

/// What an archive may at most be made of: one that has more is taken for an attack on the supervisor's memory.
enum ArchiveLimits {
  static let entries = 4_000_000
  static let bytes = 2 << 30
  static let pathLength = 4095
  static let nameLength = 255
  /// symlink(2)
  static let linkLength = 4095
  /// path_resolution(7)
  static let linksOfPath = 40
  /// `TreeBuilder.step`
  static let steps = 64_000_000
  static let attributeLength = 65536
  static let attributes = 1000
}
