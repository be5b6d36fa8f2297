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
      return try chown(call, OpenObject(call.thread.id, .descriptor(descriptor)), call.arguments.1, call.arguments.2)
    }
    let outcome = try chown(call, target, call.arguments.1, call.arguments.2)
    try call.tellAttributes(target, descriptor)
    return outcome
  }

  private static func chown(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ uid: UInt64, _ gid: UInt64,
    _ options: WalkOptions
  ) throws(Errno) -> Outcome {
    let walk = try call.walk(directory, path, options)
    if let open = walk.openFile {
      guard let dentry = try call.dentry(of: open) else { return try chown(call, open, uid, gid) }
      return try chown(call, dentry, uid, gid)
    }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    return try chown(call, dentry, uid, gid)
  }

  private static func chown(_ call: Call, _ open: OpenObject, _ uid: UInt64, _ gid: UInt64) throws(Errno) -> Outcome {
    try call.changeForeign(open) { foreign throws(Errno) in
      try call.setOwner(of: foreign, uid: UInt32(truncatingIfNeeded: uid), gid: UInt32(truncatingIfNeeded: gid))
    }
  }

  /// Remembers the owner; on the host the file stays the supervisor's.
  private static func chown(_ call: Call, _ dentry: DentryID, _ uid: UInt64, _ gid: UInt64) throws(Errno) -> Outcome {
    let uid = UInt32(truncatingIfNeeded: uid)
    let gid = UInt32(truncatingIfNeeded: gid)
    let inode = call.files.nodes.inode(of: dentry)
    // Nothing is asked for that could be refused.
    if uid == .max, gid == .max, inode.pointee.backing == .proc { return .value(0) }
    try call.requireChangeable(inode)
    try call.requireMayGive(uid: inode.pointee.uid, gid: inode.pointee.gid, toUser: uid, toGroup: gid)
    return outcome(try call.files.setOwner(dentry, uid: uid, gid: gid))
  }
}
