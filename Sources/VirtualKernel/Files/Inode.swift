import CLinux
import Glibc

/// Index of an inode; 0 is none.
struct InodeID: Hashable, BitwiseCopyable {
  var index: UInt32
  static let none = InodeID(index: 0)
}

/// The type bits of `st_mode`, shifted right by 12: also the values of `d_type` (readdir(3)).
enum FileKind: UInt8, BitwiseCopyable {
  case fifo = 1
  case characterDevice = 2
  case directory = 4
  case blockDevice = 6
  case regular = 8
  case symbolicLink = 10
  case socket = 12

  init?(mode: UInt32) { self.init(rawValue: UInt8((mode >> 12) & 15)) }
  var modeBits: UInt32 { UInt32(rawValue) << 12 }
}

/// Where a file's contents are.
enum Backing: UInt8, BitwiseCopyable {
  /// A read-only layer below the run's own.
  case lower
  /// The run's own layer: kept when the run ends.
  case run
  /// The store of files that live for the run: /tmp, /dev/shm.
  case tmp
  /// A device of the host's that is handed through.
  case device
  /// Made by the supervisor.
  case proc
  /// The skeleton: pseudo-terminals, which the guest opens itself.
  case skeleton

  /// Whether the guest may change it in place.
  var isUpper: Bool { self == .run || self == .tmp }
}

/// A file, whatever names it has.
struct Inode: BitwiseCopyable {
  struct Flags: OptionSet, BitwiseCopyable {
    var rawValue: UInt8
    /// Only kind and number are known, from a directory listing.
    static let unloaded = Flags(rawValue: 1)
    /// A copy-up is under way on the blocking pool.
    static let copyingUp = Flags(rawValue: 2)
    /// Another process than the writer has seen the present version.
    static let readByOthers = Flags(rawValue: 4)
    /// The present version, which has lost its name, was put aside.
    static let isArchived = Flags(rawValue: 8)
  }

  var kind: FileKind
  var backing: Backing
  var flags: Flags
  /// Number of the virtual file system that the inode belongs to, for st_dev.
  var fileSystem: UInt8
  /// st_mode without the type.
  var permissions: UInt16
  var uid: UInt32
  var gid: UInt32
  var links: UInt32
  /// The side table's index: of `directories` for a directory, of `linkTargets` for a symbolic link.
  var side: UInt32
  var firstAlias: DentryID
  var number: UInt64
  var size: Int64
  /// In units of 512 bytes.
  var blocks: Int64
  /// st_rdev of a device.
  var device: UInt64
  var accessed: timespec
  var modified: timespec
  var changed: timespec
  /// The file of the host behind this inode. For `proc`: the node.
  var hostDevice: UInt64
  var hostInode: UInt64
  /// The file of a lower layer that this one is a copy of; descriptors to it may still be open.
  var lowerIdentity: HostIdentity
  /// The present version of a file that the run has written; 0 is what was there before.
  var version: UInt32 = 0
  /// The process that made it.
  var writer: UInt32 = 0

  var mode: UInt32 { kind.modeBits | UInt32(permissions) }

  /// What a change of owner or contents takes away. Set-group-id without group execution means something else, and stays for who
  /// is in the group.
  mutating func clearSetIDs(_ credentials: UnsafePointer<Credentials>) {
    permissions &= ~0o4000
    if permissions & 0o010 != 0 || !credentials.pointee.maySetGroupID(for: gid) { permissions &= ~0o2000 }
  }
}
