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
      return try chmod(call, OpenObject(call.thread.id, .descriptor(descriptor)), call.arguments.1)
    }
    let outcome = try chmod(call, target, call.arguments.1)
    try call.tellAttributes(target, descriptor)
    return outcome
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

  private static func chmod(_ call: Call, _ open: OpenObject, _ mode: UInt64) throws(Errno) -> Outcome {
    try call.changeForeign(open) { foreign throws(Errno) in
      try call.setMode(of: foreign, UInt32(truncatingIfNeeded: mode))
    }
  }

  private static func chmod(_ call: Call, _ dentry: DentryID, _ mode: UInt64) throws(Errno) -> Outcome {
    let inode = call.files.nodes.inode(of: dentry)
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
  /// What watches a file that has lost its name is told of a change that is only remembered.
  func tellAttributes(_ dentry: DentryID, _ descriptor: Int32) throws(Errno) {
    guard files.watches.isUsed, files.nodes.isNameless(dentry) else { return }
    try withNameless(dentry, OpenObject(thread.id, .descriptor(descriptor))) { open throws(Errno) in
      if let open { files.watches.tellAttributes(dentry, open) }
    }
  }

  /// - Throws: `.notPermitted` for what the virtual kernel itself provides.
  func requireChangeable(_ inode: UnsafeMutablePointer<Inode>) throws(Errno) {
    if inode.pointee.backing == .proc || inode.pointee.fileSystem == FileSystemID.proc { throw .notPermitted }
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

  /// Calls `body` with the open file itself if the host knows its file by no name any more, with nil otherwise.
  func withNameless<Value>(
    _ dentry: DentryID, _ open: OpenObject, _ body: (FileDescriptor?) throws(Errno) -> Value
  ) throws(Errno) -> Value {
    guard files.nodes.isNameless(dentry) else { return try body(nil) }
    let file = try duplicate(open)
    defer { kernel.descriptors.release(file) }
    // A descriptor from before the copy-up leads to the lower file, and another thread may have put any other file behind the
    // number since it was looked at: neither is to be changed.
    let record = files.nodes.inode(of: dentry)
    let own = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    return try body(HostIdentity(try kernel.host.status(of: file)) == own ? file : nil)
  }

  /// Calls `body` with an open file that is none of the tree's, nil for one that is not the guest's to change: an inherited file of the
  /// user's, or one that has a name on the host.
  func withForeign<Value>(
    _ open: OpenObject, _ body: (FileDescriptor?) throws(Errno) -> Value
  ) throws(Errno) -> Value {
    let file = try duplicate(open)
    defer { kernel.descriptors.release(file) }
    if try kernel.descriptors.flags(of: file) & O_PATH_ != 0 { throw .badFileDescriptor }
    let status = try kernel.host.status(of: file)
    let isNamed = status.st_mode & S_IFMT == S_IFREG && status.st_nlink > 0
    let isDevice = [S_IFCHR, S_IFBLK, S_IFDIR].contains(status.st_mode & S_IFMT)
    return try body(isNamed || isDevice || kernel.inherited.contains(HostIdentity(status)) ? nil : file)
  }
}
