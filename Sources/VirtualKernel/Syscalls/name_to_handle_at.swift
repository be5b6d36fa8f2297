import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  /// No file system of the guest's has handles: one would name an inode of the host's. Linux asks the file system before it reads
  /// the struct, so a bad one is never seen.
  @Sendable static func name_to_handle_at(_ call: Call) throws(Errno) -> Outcome {
    let flags = Int32(truncatingIfNeeded: call.arguments.4)
    let known = AT_SYMLINK_FOLLOW | AT_EMPTY_PATH_ | handleIdentifier | handleConnectable | handleUniqueMount
    let exclusive = handleIdentifier | handleConnectable
    guard flags & ~known == 0, flags & exclusive != exclusive else { throw .invalidArgument }
    let path = try call.path(at: call.arguments.1)
    let directory = Int32(truncatingIfNeeded: call.arguments.0)
    if path.count == 0, flags & AT_EMPTY_PATH_ != 0, directory != AT_FDCWD {
      // It may be of a file that is not in the tree, such as a pipe.
      _ = try call.kernel.descriptors.status(of: directory, in: call.thread)
      throw .notSupported
    }
    var options = WalkOptions(atFlags: flags)
    if flags & AT_SYMLINK_FOLLOW == 0 { options.insert(.noFollow) }
    let walk = try call.walk(call.arguments.0, path, options)
    if walk.openFile == nil {
      let dentry = try call.existing(walk)
      try call.files.load(dentry)
      call.files.events.record(.stat, dentry)
    }
    throw .notSupported
  }

  // fcntl.h of Linux 6.18. They share their numbers with flags of other calls.
  private static let handleUniqueMount: Int32 = 0x001
  private static let handleConnectable: Int32 = 0x002
  private static let handleIdentifier: Int32 = 0x200
}
