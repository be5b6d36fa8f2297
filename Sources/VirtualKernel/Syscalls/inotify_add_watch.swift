import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  /// The watch is put on the file of the run's layer that stands behind the path: every change of the guest's goes there.
  @Sendable static func inotify_add_watch(_ call: Call) throws(Errno) -> Outcome {
    let mask = UInt32(truncatingIfNeeded: call.arguments.2)
    // fs/notify/inotify/inotify_user.c: a bit that it knows and none that it does not, before anything else.
    guard mask & 0xf700_efff != 0, mask & ~0xf700_efff == 0 else { throw .invalidArgument }
    var options: WalkOptions = []
    if mask & 0x0200_0000 != 0 { options.insert(.noFollow) }  // IN_DONT_FOLLOW
    let inotify = try call.kernel.descriptors.duplicate(
      Int32(truncatingIfNeeded: call.arguments.0), of: call.thread.group)
    defer { call.kernel.descriptors.release(inotify) }
    // IN_MASK_ADD, IN_MASK_CREATE
    guard mask & 0x3000_0000 != 0x3000_0000 else { throw .invalidArgument }
    let walk = try call.walk(atCurrentDirectory, try call.path(at: call.arguments.1), options)
    guard walk.openFile == nil else { throw .permissionDenied }
    let dentry = try call.existing(walk)
    let files = call.files
    try files.load(dentry)
    let inode = files.inode(of: dentry)
    try call.require(.read, inode)
    if mask & 0x0100_0000 != 0, inode.pointee.kind != .directory { throw .notDirectory }  // IN_ONLYDIR
    switch inode.pointee.backing {
    case .proc, .device, .skeleton: throw .permissionDenied
    default: break
    }
    if inode.pointee.kind == .directory {
      // In a source that is read-only for real nothing will change.
      do throws(Errno) { try files.ensureUpper(dentry) } catch { if error != .readOnlyFileSystem { throw error } }
    }
    if let work = try files.fetch(dentry) { return .blocked(on: work) }
    let watch: Int32? = try files.withPlace(of: dentry) { directory, path throws(Errno) in
      try files.host.addWatch(inotify, directory, path, mask: mask)
    } below: { tree, path throws(Errno) in
      try tree.addWatch(inotify, path, mask: mask)
    }
    guard let watch else { throw .noSuchFileOrDirectory }
    return .value(Int64(watch))
  }
}
