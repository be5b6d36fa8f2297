import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  /// Facts: the order of errors is that of fs/notify/inotify/inotify_user.c.
  @Sendable static func inotify_add_watch(_ call: Call) throws(Errno) -> Outcome {
    let mask = UInt32(truncatingIfNeeded: call.arguments.2)
    // A bit that it knows and none that it does not, before anything else.
    guard mask & WatchEvents.valid != 0, mask & ~WatchEvents.valid == 0 else { throw .invalidArgument }
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
    let inode = files.nodes.inode(of: dentry)
    if mask & WatchEvents.onlyDirectory != 0, inode.pointee.kind != .directory { throw .notDirectory }
    try call.require(.read, inode)
    let readers = try readersBelow(dentry, call)
    if !readers.isEmpty {
      do throws(Errno) {
        if let work = try files.copyUp(dentry) { return .blocked(on: work) }
      } catch { if error != .readOnlyFileSystem { throw error } }
    }
    let outcome = try files.watch(dentry, inotify, call.thread.group, mask: mask, isKept: &isKept)
    guard case .value(let number) = outcome, inode.pointee.backing.isUpper, !readers.isEmpty else { return outcome }
    return .replacing(readers.compactMap { moveUp($0, dentry, call) }, value: number)
  }

  /// Descriptors of the caller's that read the lower file behind a file, and would never see what is written to its copy: who watches what it
  /// has open wants to read on, as `tail -f` does.
  private static func readersBelow(_ dentry: DentryID, _ call: Call) throws(Errno) -> [Int32] {
    let inode = call.files.nodes.inode(of: dentry)
    guard inode.pointee.kind == .regular else { return [] }
    let below =
      inode.pointee.backing == .lower
      ? HostIdentity(device: inode.pointee.hostDevice, inode: inode.pointee.hostInode) : inode.pointee.lowerIdentity
    guard below.inode != 0 else { return [] }
    return call.thread.group.descriptors.descriptors(of: below).filter { descriptor in
      guard let status = try? call.kernel.descriptors.status(of: descriptor, in: call.thread) else { return false }
      return HostIdentity(status) == below
    }
  }

  /// The copy, opened as the descriptor is and at its position.
  private static func moveUp(
    _ descriptor: Int32, _ dentry: DentryID, _ call: Call
  ) -> (descriptor: Int32, file: FileDescriptor)? {
    let files = call.files
    let broker = call.kernel.descriptors
    guard let old = try? broker.duplicate(descriptor, of: call.thread.group) else { return nil }
    defer { broker.release(old) }
    files.watches.hush(dentry)
    defer { files.watches.settle() }
    guard let flags = try? broker.flags(of: old), flags & (O_ACCMODE | O_PATH_) == O_RDONLY,
      let position = try? broker.position(of: old),
      let new = try? files.openForGuest(dentry, flags: flags & O_NONBLOCK | O_RDONLY | O_CLOEXEC)
    else { return nil }
    try? broker.setPosition(of: new, position)
    let record = files.nodes.inode(of: dentry)
    let own = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    call.thread.group.descriptors.insert(descriptor, own, dentry, generation: files.objects.generation)
    return (descriptor, new)
  }

  @Sendable static func inotify_rm_watch(_ call: Call) throws(Errno) -> Outcome {
    let (inotify, _) = try Self.inotify(call)
    defer { call.kernel.descriptors.release(inotify) }
    try call.files.watches.unwatch(inotify, Int32(truncatingIfNeeded: call.arguments.1))
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
