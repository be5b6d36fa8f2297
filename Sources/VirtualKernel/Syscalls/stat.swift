import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func stat(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    return try stat(call, atCurrentDirectory, path, [], to: call.arguments.1)
  }

  @Sendable static func lstat(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    return try stat(call, atCurrentDirectory, path, .noFollow, to: call.arguments.1)
  }

  @Sendable static func fstat(_ call: Call) throws(Errno) -> Outcome {
    let status = try call.status(ofDescriptor: Int32(truncatingIfNeeded: call.arguments.0))
    try call.write(status, at: call.arguments.1)
    return .value(0)
  }

  @Sendable static func newfstatat(_ call: Call) throws(Errno) -> Outcome {
    let flags = Int32(truncatingIfNeeded: call.arguments.3)
    // vfs_statx() of fs/stat.c takes statx(2)'s flags of synchronisation, too.
    guard flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH_ | AT_NO_AUTOMOUNT_ | 0x6000) == 0 else {
      throw .invalidArgument
    }
    // Since Linux 6.11 a null path with AT_EMPTY_PATH means the descriptor, which is how libc asks for fstat.
    if flags & AT_EMPTY_PATH_ != 0, call.arguments.1 == 0 {
      let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
      if descriptor != AT_FDCWD {
        try call.write(try call.status(ofDescriptor: descriptor), at: call.arguments.2)
        return .value(0)
      }
    }
    let path = try call.path(at: call.arguments.1)
    if path.count == 0, flags & AT_EMPTY_PATH_ != 0, Int32(truncatingIfNeeded: call.arguments.0) != AT_FDCWD {
      let status = try call.status(ofDescriptor: Int32(truncatingIfNeeded: call.arguments.0))
      try call.write(status, at: call.arguments.2)
      return .value(0)
    }
    return try stat(call, call.arguments.0, path, WalkOptions(atFlags: flags), to: call.arguments.2)
  }

  private static func stat(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ options: WalkOptions, to address: UInt64
  ) throws(Errno) -> Outcome {
    let status = try call.status(of: try call.walk(directory, path, options))
    try call.write(status, at: address)
    return .value(0)
  }

  @Sendable static func statx(_ call: Call) throws(Errno) -> Outcome {
    let flags = Int32(truncatingIfNeeded: call.arguments.2)
    let mask = UInt32(truncatingIfNeeded: call.arguments.3)
    let syncFlags: Int32 = 0x6000
    guard flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH_ | AT_NO_AUTOMOUNT_ | syncFlags) == 0,
      flags & syncFlags != syncFlags, mask & 0x8000_0000 == 0
    else { throw .invalidArgument }
    let status: CLinux.stat
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    if flags & AT_EMPTY_PATH_ != 0, call.arguments.1 == 0, descriptor != AT_FDCWD {
      status = try call.status(ofDescriptor: descriptor)
    } else {
      let path = try call.path(at: call.arguments.1)
      if path.count == 0, flags & AT_EMPTY_PATH_ != 0, descriptor != AT_FDCWD {
        status = try call.status(ofDescriptor: descriptor)
      } else {
        status = try call.status(of: try call.walk(call.arguments.0, path, WalkOptions(atFlags: flags)))
      }
    }
    try call.write(uwrx_statx(status), at: call.arguments.4)
    return .value(0)
  }
}

extension WalkOptions {
  /// The options that the flags of an `*at` call mean, if it follows links unless it is told not to: linkat and
  /// name_to_handle_at, which have AT_SYMLINK_FOLLOW, do not.
  init(atFlags flags: Int32) {
    self = []
    if flags & AT_SYMLINK_NOFOLLOW != 0 { insert(.noFollow) }
    if flags & AT_EMPTY_PATH_ != 0 { insert(.allowEmpty) }
  }
}

extension Call {
  /// What stat tells about the file at the end of a walk.
  func status(of walk: WalkResult) throws(Errno) -> stat {
    if let open = walk.openFile {
      return guestStatus(try status(of: open))
    }
    let dentry = try existing(walk)
    try files.load(dentry)
    files.events.record(.stat, dentry)
    files.events.unit?.noteTimes(of: dentry)
    let inode = files.nodes[dentry].pointee.inode
    if files.nodes[inode].pointee.backing == .skeleton { return try files.statusInSkeleton(dentry) }
    var status = try files.attributes(inode)
    if files.nodes[inode].pointee.backing == .proc {
      try kernel.proc.complete(&status, dentry, self)
    }
    return status
  }

  func status(ofDescriptor descriptor: Int32) throws(Errno) -> stat {
    let status = try kernel.descriptors.status(of: descriptor, in: thread)
    if let known = try attributes(ofOpenFile: status) { return known }
    if let known = try statusInProc(descriptor, status) { return known }
    return guestStatus(status)
  }

  private func statusInProc(_ descriptor: Int32, _ status: stat) throws(Errno) -> stat? {
    guard let dentry = kernel.proc.dentry(ofOpenFile: descriptor, status, thread.id, self) else { return nil }
    var result = try files.attributes(files.nodes[dentry].pointee.inode)
    try kernel.proc.complete(&result, dentry, self)
    return result
  }

  private func attributes(ofOpenFile status: stat) throws(Errno) -> stat? {
    if let directory = files.objects.dentry(ofSkeletonDirectory: status), files.nodes.directory(of: directory).isProc {
      var result = try files.attributes(files.nodes[directory].pointee.inode)
      if files.nodes.inode(of: directory).pointee.backing == .proc {
        try kernel.proc.complete(&result, directory, self)
      }
      return result
    }
    guard let inode = files.objects.inode(ofOpenFile: status) else { return nil }
    if files.nodes[inode].pointee.backing == .skeleton { return files.attributes(inode, ofTerminal: status) }
    // A descriptor of a directory or a FIFO is one of the skeleton, whose size and times mean nothing.
    let isRegular = files.nodes[inode].pointee.kind == .regular
    return try files.attributes(inode, open: isRegular ? status : nil)
  }

  /// What the guest may know of a file that is none of the tree's: a pipe, a socket, a terminal, an inherited file.
  func guestStatus(_ status: stat) -> stat {
    if let own = try? attributes(ofOpenFile: status) { return own }
    var result = status
    result.st_uid = files.guestUser(status.st_uid)
    result.st_gid = files.guestGroup(status.st_gid)
    files.times?.translateForeign(&result)
    kernel.foreign.apply(to: &result, HostIdentity(status))
    if files.configuration.isUniform { makeUniform(&result, status) }
    if kernel.proc.isKernels(status, self) || kernel.proc.mayBeCopy(status) {
      // A file of /proc, which reports no size there, or a memory file that stands for one; its process has ended.
      result.st_size = 0
      result.st_blocks = 0
      result.st_nlink = 1
      result.st_dev = makeDevice(0, 0x20 + UInt32(FileSystemID.proc))
    }
    return result
  }
}

extension uwrx_statx {
  /// statx(2) with the basic fields.
  init(_ status: stat) {
    self.init()
    stx_mask = 0x7ff  // STATX_BASIC_STATS
    stx_blksize = UInt32(truncatingIfNeeded: status.st_blksize)
    stx_nlink = UInt32(truncatingIfNeeded: status.st_nlink)
    stx_uid = status.st_uid
    stx_gid = status.st_gid
    stx_mode = UInt16(truncatingIfNeeded: status.st_mode)
    stx_ino = UInt64(status.st_ino)
    stx_size = UInt64(bitPattern: Int64(status.st_size))
    stx_blocks = UInt64(bitPattern: Int64(status.st_blocks))
    stx_atime = .init(status.st_atim)
    stx_mtime = .init(status.st_mtim)
    stx_ctime = .init(status.st_ctim)
    stx_rdev_major = uwrx_major(UInt64(status.st_rdev))
    stx_rdev_minor = uwrx_minor(UInt64(status.st_rdev))
    stx_dev_major = uwrx_major(UInt64(status.st_dev))
    stx_dev_minor = uwrx_minor(UInt64(status.st_dev))
  }
}

extension uwrx_statx_time {
  init(_ time: timespec) {
    self.init()
    tv_sec = Int64(time.tv_sec)
    tv_nsec = UInt32(time.tv_nsec)
  }
}
