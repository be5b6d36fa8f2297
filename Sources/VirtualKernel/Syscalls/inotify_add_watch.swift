import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  /// Facts: the order of errors is that of fs/notify/inotify/inotify_user.c.
  @Sendable static func inotify_add_watch(_ call: Call) throws(Errno) -> Outcome {
    let mask = UInt32(truncatingIfNeeded: call.arguments.2)
    guard mask & WatchEvents.valid != 0 else { throw .invalidArgument }
    let (inotify, isInotify) = try Self.inotify(call)
    var isKept = false
    defer { if !isKept { call.kernel.descriptors.release(inotify) } }
    let both = WatchEvents.maskAdd | WatchEvents.maskCreate
    guard isInotify, mask & both != both else { throw .invalidArgument }
    let walk = try call.walk(
      atCurrentDirectory, try call.path(at: call.arguments.1),
      mask & WatchEvents.dontFollow != 0 ? [.noFollow] : [])
    guard walk.openFile == nil else { throw .permissionDenied }
    let dentry = try call.existing(walk)
    let files = call.files
    try files.load(dentry)
    let inode = files.inode(of: dentry)
    if mask & WatchEvents.onlyDirectory != 0, inode.pointee.kind != .directory { throw .notDirectory }
    try call.require(.read, inode)
    return try files.watch(dentry, inotify, call.thread.group, mask: mask, isKept: &isKept)
  }

  @Sendable static func inotify_rm_watch(_ call: Call) throws(Errno) -> Outcome {
    let (inotify, _) = try Self.inotify(call)
    defer { call.kernel.descriptors.release(inotify) }
    try call.files.unwatch(inotify, Int32(truncatingIfNeeded: call.arguments.1))
    return .value(0)
  }

  /// The first argument, and whether it is an inotify instance.
  private static func inotify(_ call: Call) throws(Errno) -> (FileDescriptor, Bool) {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    let file = try call.kernel.descriptors.duplicate(descriptor, of: call.thread.group)
    let isInotify = withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
      let count = (try? call.kernel.descriptors.describe(descriptor, in: call.thread.id, into: buffer)) ?? 0
      return buffer.prefix(count).elementsEqual("anon_inode:inotify".utf8)
    }
    return (file, isInotify)
  }
}
