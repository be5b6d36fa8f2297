import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func chown(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    return try chown(call, atCurrentDirectory, path, call.arguments.1, call.arguments.2, [])
  }

  @Sendable static func lchown(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    return try chown(call, atCurrentDirectory, path, call.arguments.1, call.arguments.2, .noFollow)
  }

  @Sendable static func fchownat(_ call: Call) throws(Errno) -> Outcome {
    let flags = Int32(truncatingIfNeeded: call.arguments.4)
    guard flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH_) == 0 else { throw .invalidArgument }
    let path = try call.path(at: call.arguments.1)
    return try chown(
      call, call.arguments.0, path, call.arguments.2, call.arguments.3, WalkOptions(atFlags: flags))
  }

  @Sendable static func fchown(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    guard let target = try call.changeable(descriptor) else {
      return try call.changeForeign((call.thread.id, descriptor)) { _, _ throws(Errno) in }
    }
    return try chown(call, target, call.arguments.1, call.arguments.2)
  }

  private static func chown(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ uid: UInt64, _ gid: UInt64,
    _ options: WalkOptions
  ) throws(Errno) -> Outcome {
    let walk = try call.walk(directory, path, options)
    if let open = walk.openFile {
      guard let dentry = try call.dentry(of: open) else {
        return try call.changeForeign(open) { _, _ throws(Errno) in }
      }
      return try chown(call, dentry, uid, gid)
    }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    return try chown(call, dentry, uid, gid)
  }

  /// Remembers the owner; on the host the file stays the supervisor's.
  private static func chown(_ call: Call, _ dentry: DentryID, _ uid: UInt64, _ gid: UInt64) throws(Errno) -> Outcome {
    let uid = UInt32(truncatingIfNeeded: uid)
    let gid = UInt32(truncatingIfNeeded: gid)
    let inode = call.files.inode(of: dentry)
    // Nothing is asked for that could be refused.
    if uid == .max, gid == .max, inode.pointee.backing == .proc { return .value(0) }
    try call.requireChangeable(inode)
    let own = call.credentials
    if !own.pointee.has(.changeOwner) {
      // chown(2): an owner may only give the file to a group of its own.
      let user = own.pointee.user.fileSystem
      guard inode.pointee.uid == user, uid == .max || uid == user,
        gid == .max || gid == inode.pointee.gid || own.pointee.isIn(gid)
      else { throw .notPermitted }
    }
    return outcome(try call.files.setOwner(dentry, uid: uid, gid: gid))
  }
}
