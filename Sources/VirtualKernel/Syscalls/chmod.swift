import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func chmod(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    return try chmod(call, atCurrentDirectory, path, call.arguments.1, [])
  }

  @Sendable static func fchmodat(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.1)
    return try chmod(call, call.arguments.0, path, call.arguments.2, [])
  }

  @Sendable static func fchmodat2(_ call: Call) throws(Errno) -> Outcome {
    let flags = Int32(truncatingIfNeeded: call.arguments.3)
    guard flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH_) == 0 else { throw .invalidArgument }
    let path = try call.path(at: call.arguments.1)
    return try chmod(call, call.arguments.0, path, call.arguments.2, WalkOptions(atFlags: flags))
  }

  @Sendable static func fchmod(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    guard let target = try call.changeable(descriptor) else {
      return try chmod(call, (call.thread.id, descriptor), call.arguments.1)
    }
    return try chmod(call, target, call.arguments.1)
  }

  private static func chmod(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ mode: UInt64, _ options: WalkOptions
  ) throws(Errno) -> Outcome {
    let walk = try call.walk(directory, path, options)
    if let open = walk.openFile {
      guard let dentry = try call.dentry(of: open) else { return try chmod(call, open, mode) }
      return try chmod(call, dentry, mode)
    }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    return try chmod(call, dentry, mode)
  }

  private static func chmod(
    _ call: Call, _ open: (thread: AbsTid, descriptor: Int32), _ mode: UInt64
  ) throws(Errno) -> Outcome {
    try call.changeForeign(open) { host, file throws(Errno) in
      try host.setMode(of: file, UInt32(truncatingIfNeeded: mode) & 0o7777)
    }
  }

  private static func chmod(_ call: Call, _ dentry: DentryID, _ mode: UInt64) throws(Errno) -> Outcome {
    let inode = call.files.inode(of: dentry)
    try call.requireOwner(inode)
    if inode.pointee.kind == .symbolicLink { throw .notSupported }
    try call.requireChangeable(inode)
    var mode = UInt32(truncatingIfNeeded: mode) & 0o7777
    // chmod(2): who is not in the file's group cannot set its set-group-id bit.
    if !call.credentials.pointee.maySetGroupID(for: inode.pointee.gid) { mode &= ~0o2000 }
    return outcome(try call.files.setMode(dentry, mode))
  }
}

extension Call {
  /// - Throws: `.notPermitted` for what the virtual kernel itself provides.
  func requireChangeable(_ inode: UnsafeMutablePointer<Inode>) throws(Errno) {
    switch inode.pointee.backing {
    case .proc, .device, .skeleton: throw .notPermitted
    default: break
    }
  }

  /// The tree's file behind a descriptor that a change is asked for, or nil if it is none of the tree's.
  /// - Throws: `.badFileDescriptor` also for a descriptor that was opened with O_PATH.
  func changeable(_ descriptor: Int32) throws(Errno) -> DentryID? {
    let status = try kernel.descriptors.status(of: descriptor, in: thread)
    guard let dentry = dentry(of: descriptor, status) else { return nil }
    let file = try kernel.descriptors.duplicate(descriptor, of: thread.group)
    defer { kernel.descriptors.release(file) }
    if try kernel.descriptors.flags(of: file) & O_PATH_ != 0 { throw .badFileDescriptor }
    return dentry
  }

  /// Calls `body` with the descriptor's open file if the host knows its file by no name any more, with nil otherwise.
  func withNameless<Value>(
    _ dentry: DentryID, _ open: (thread: AbsTid, descriptor: Int32), _ body: (FileDescriptor?) throws(Errno) -> Value
  ) throws(Errno) -> Value {
    guard files.isNameless(dentry) else { return try body(nil) }
    let file = try kernel.descriptors.duplicate(open.descriptor, of: try kernel.processes.thread(open.thread).group)
    defer { kernel.descriptors.release(file) }
    // A descriptor from before the copy-up leads to the lower file, and another thread may have put any other file behind the
    // number since it was looked at: neither is to be changed.
    let record = files.inode(of: dentry)
    let own = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    return try body(HostIdentity(try kernel.host.status(of: file)) == own ? file : nil)
  }

  /// Calls `body` with the open file behind a descriptor that is none of the tree's, nil for one that is not the guest's to
  /// change: an inherited file of the user's, or one that has a name on the host.
  func withForeign<Value>(
    _ open: (thread: AbsTid, descriptor: Int32), _ body: (FileDescriptor?) throws(Errno) -> Value
  ) throws(Errno) -> Value {
    let file = try kernel.descriptors.duplicate(open.descriptor, of: try kernel.processes.thread(open.thread).group)
    defer { kernel.descriptors.release(file) }
    if try kernel.descriptors.flags(of: file) & O_PATH_ != 0 { throw .badFileDescriptor }
    let status = try kernel.host.status(of: file)
    let isNamed = status.st_mode & S_IFMT == S_IFREG && status.st_nlink > 0
    let isDevice = [S_IFCHR, S_IFBLK, S_IFDIR].contains(status.st_mode & S_IFMT)
    return try body(isNamed || isDevice || kernel.inherited.contains(HostIdentity(status)) ? nil : file)
  }

  /// Changes a file that is none of the tree's: only one that cannot outlive the run, such as a pipe or a memory file.
  func changeForeign(
    _ open: (thread: AbsTid, descriptor: Int32), _ body: (any HostFiles, FileDescriptor) throws(Errno) -> Void
  ) throws(Errno) -> Outcome {
    let file = try kernel.descriptors.duplicate(open.descriptor, of: try kernel.processes.thread(open.thread).group)
    defer { kernel.descriptors.release(file) }
    let status = try kernel.host.status(of: file)
    // fs/libfs.c, anon_inode_setattr: an event, a timer, a set of descriptors.
    if status.st_mode & S_IFMT == 0 { throw .notSupported }
    // An inherited file of the user's has a name on the host and is not the guest's to change.
    let isStream = status.st_mode & S_IFMT == S_IFIFO || status.st_mode & S_IFMT == S_IFSOCK
    if kernel.inherited.contains(HostIdentity(status)) {
      guard isStream else { throw .notPermitted }
      return .value(0)
    }
    guard isStream || status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 0 else { throw .notPermitted }
    try body(kernel.host, file)
    return .value(0)
  }
}
