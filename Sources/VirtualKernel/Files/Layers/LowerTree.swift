import CLinux
import Glibc
import SystemPackage
import Tracing

/// A read-only tree below the run's own layer: a directory of the host, an archive, what an earlier run wrote.
///
/// Paths are relative to the tree's root, NUL-terminated, without `.` and `..`; an empty path means the root itself. No symbolic
/// link is followed. All members are called under the virtual kernel's lock and must not wait.
public protocol LowerTree: AnyObject {
  /// What stands at a path.
  /// - Returns: nil if there is nothing, or nothing that the guest may see.
  func entry(_ path: UnsafePointer<CChar>) throws(Errno) -> LowerEntry?

  /// Calls `body` for each name but `.` and `..`. What it is told of a name may still turn out to be hidden if
  /// `listingIsTentative` is set.
  func list(_ path: UnsafePointer<CChar>, _ body: (LowerName) -> Void) throws(Errno)

  /// Whether each name of a listing must be asked for with `entry(_:)`.
  var listingIsTentative: Bool { get }

  func readLink(_ path: UnsafePointer<CChar>) throws(Errno) -> [UInt8]

  /// Where what is found in it comes from, for who brings a run's changes back.
  var origin: LowerBases.Origin { get }

  /// Makes a file's contents available for `open` and `hostPath`.
  /// - Returns: work that must be waited for, or nil if they are.
  func fetch(_ path: UnsafePointer<CChar>) throws(Errno) -> (any BlockingWork)?

  /// The host's file that has the contents of a fetched regular file.
  /// - Returns: nil if it is the one that `entry(_:)` tells.
  func contents(_ path: UnsafePointer<CChar>) throws(Errno) -> HostIdentity?

  /// Opens a regular file. Only for reading: `flags` are those of open(2) that do not change a file.
  func open(_ path: UnsafePointer<CChar>, flags: Int32) throws(Errno) -> FileDescriptor

  /// Appends where a regular file's contents are on the host: an absolute path without symbolic links.
  func appendHostPath(of path: UnsafePointer<CChar>, to buffer: inout PathBuffer) throws(Errno)

  /// llistxattr(2): names that end with NUL.
  func listAttributes(
    _ path: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int
  /// lgetxattr(2)
  func getAttribute(
    _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int
}

extension LowerTree {
  public var origin: LowerBases.Origin { .archive }
}

/// What stands at a path of a lower tree.
public struct LowerEntry {
  /// `st_dev` and `st_ino` are those of the host's file behind a regular one: what fstat(2) tells of a descriptor to it. A tree
  /// that makes such files when their contents are fetched has numbers of its own here, the same for all names of a file.
  /// A character device 0/0 is a whiteout if the tree is a run's layer.
  public var status: stat
  /// Whether `status` has the owner and the mode that the guest is to see. Else the owner is the host's.
  public var isVirtual = false
  public var kind: Kind = .plain

  public enum Kind: Equatable {
    case plain
    /// Hides the name in all trees below.
    case whiteout
    /// A directory that is not merged with those of the trees below.
    case opaque
    /// A directory that is merged with what the trees below have at this path of the guest's, `/` first.
    case redirect([UInt8])
  }

  public init(status: stat, isVirtual: Bool = false, kind: Kind = .plain) {
    self.status = status
    self.isVirtual = isVirtual
    self.kind = kind
  }
}

/// A name in a listing of a lower tree.
public struct LowerName {
  /// Valid during the call that it is handed to.
  public var name: UnsafeBufferPointer<UInt8>
  /// `d_type` of readdir(3); 0 if it is not known.
  public var type: UInt8
  /// The host's file behind a regular one, as `LowerEntry.status` tells it.
  public var identity: HostIdentity

  public init(name: UnsafeBufferPointer<UInt8>, type: UInt8, identity: HostIdentity) {
    self.name = name
    self.type = type
    self.identity = identity
  }
}
