import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func link(_ call: Call) throws(Errno) -> Outcome {
    let from = try call.path(at: call.arguments.0)
    return try link(call, atCurrentDirectory, from, atCurrentDirectory, call.arguments.1, flags: 0)
  }

  @Sendable static func linkat(_ call: Call) throws(Errno) -> Outcome {
    let flags = Int32(truncatingIfNeeded: call.arguments.4)
    guard flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH_) == 0 else { throw .invalidArgument }
    let from = try call.path(at: call.arguments.1)
    return try link(call, call.arguments.0, from, call.arguments.2, call.arguments.3, flags: flags)
  }

  /// - Parameter to: the address of a path, which Linux does not complain of before the file is found.
  private static func link(
    _ call: Call, _ fromDirectory: UInt64, _ from: UnsafeBufferPointer<UInt8>, _ toDirectory: UInt64, _ to: UInt64,
    flags: Int32
  ) throws(Errno) -> Outcome {
    if from.count == 0, flags & AT_EMPTY_PATH_ != 0 {
      let descriptor = Int32(truncatingIfNeeded: fromDirectory)
      let status = try call.kernel.descriptors.status(of: descriptor, in: call.thread)
      if let dentry = call.dentry(of: descriptor, status), call.files.nodes.inode(of: dentry).pointee.links > 0 {
        let target = try call.walk(toDirectory, try call.path(at: to, slot: 1), .parent)
        return outcome(try call.files.link(dentry, target, call))
      }
      return try link(call, openFile: OpenObject(call.thread.id, .descriptor(descriptor)), toDirectory, to)
    }
    let options: WalkOptions = flags & AT_SYMLINK_FOLLOW != 0 ? [] : .noFollow
    let source = try call.walk(fromDirectory, from, options)
    if let open = source.openFile { return try link(call, openFile: open, toDirectory, to) }
    let dentry = try call.existing(source)
    try call.files.load(dentry)
    let target = try call.walk(toDirectory, try call.path(at: to, slot: 1), .parent)
    try requireSafeSource(call, call.files.nodes.inode(of: dentry))
    return outcome(try call.files.link(dentry, target, call))
  }

  /// proc_sys_fs(5), protected_hardlinks, which is on in every distribution: a user may link what it owns or could change anyway.
  private static func requireSafeSource(_ call: Call, _ inode: UnsafeMutablePointer<Inode>) throws(Errno) {
    guard !call.owns(inode) else { return }
    guard inode.pointee.kind == .regular, inode.pointee.permissions & 0o4000 == 0,
      inode.pointee.permissions & 0o2010 != 0o2010, (try? call.require([.read, .write], inode)) != nil
    else { throw .notPermitted }
  }

  /// Gives a file that was made with O_TMPFILE a name.
  private static func link(
    _ call: Call, openFile open: OpenObject, _ toDirectory: UInt64, _ to: UInt64
  ) throws(Errno) -> Outcome {
    let file = try call.duplicate(open)
    defer { call.kernel.descriptors.release(file) }
    let target = try call.walk(toDirectory, try call.path(at: to, slot: 1), .parent)
    try call.files.link(openFile: file, target, call)
    return .value(0)
  }
}
