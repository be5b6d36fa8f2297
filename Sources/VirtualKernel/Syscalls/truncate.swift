import CLinux
import Glibc
import SystemPackage
import Tracing

extension Syscalls {
  @Sendable static func truncate(_ call: Call) throws(Errno) -> Outcome {
    let length = Int64(bitPattern: call.arguments.1)
    guard length >= 0 else { throw .invalidArgument }
    let walk = try call.walk(atCurrentDirectory, try call.path(at: call.arguments.0))
    let dentry: DentryID
    if let open = walk.openFile {
      let found = try call.dentry(of: open) ?? .none
      guard found != .none, let linked = call.files.nodes.linkedName(of: found) else {
        return try truncate(call, open, to: length)
      }
      dentry = linked
    } else {
      dentry = try call.existing(walk)
    }
    try call.files.load(dentry)
    let inode = call.files.nodes.inode(of: dentry)
    switch inode.pointee.kind {
    case .directory: throw .isDirectory
    case .regular: break
    default: throw .invalidArgument
    }
    try call.require(.write, inode)
    try call.requireChangeable(inode)
    if length > inode.pointee.size { try requireSize(call, length) }
    return outcome(try call.files.truncate(dentry, to: length))
  }

  /// setrlimit(2), RLIMIT_FSIZE: the limit is the guest's, not the supervisor's.
  private static func requireSize(_ call: Call, _ length: Int64) throws(Errno) {
    guard UInt64(length) > (try call.kernel.information.limit(fileSize, of: call.thread.id, setTo: nil).soft) else {
      return
    }
    call.kernel.information.signal(call.thread.id, of: call.thread.group.id, SIGXFSZ)
    throw .fileTooLarge
  }

  /// A file that a magic link leads to, and no name any more.
  private static func truncate(_ call: Call, _ open: OpenObject, to length: Int64) throws(Errno) -> Outcome {
    let original = try call.duplicate(open)
    defer { call.kernel.descriptors.release(original) }
    let status = try call.kernel.host.status(of: original)
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw .isDirectory
    default: throw .invalidArgument
    }
    let dentry = call.files.objects.dentry(behind: status) ?? .none
    if dentry != .none {
      let inode = call.files.nodes.inode(of: dentry)
      try call.require(.write, inode)
      try call.requireChangeable(inode)
    } else {
      try call.require(.write, call.guestStatus(status))
    }
    if open.link == .executable { throw .textFileBusy }
    if call.kernel.inherited.contains(HostIdentity(status)) {
      // The user's file: only who can write to it can cut it.
      guard try call.kernel.descriptors.flags(of: original) & O_ACCMODE != O_RDONLY else { throw .permissionDenied }
      if length > Int64(status.st_size) { try requireSize(call, length) }
      try call.kernel.host.truncate(original, to: length)
      return .value(0)
    }
    if length > Int64(status.st_size) { try requireSize(call, length) }
    if let work = try beginWriting(call, dentry, status, as: .truncate) { return .blocked(on: work) }
    let file = try call.kernel.host.reopen(original, flags: O_WRONLY | O_CLOEXEC)
    defer { call.kernel.host.close(file) }
    try call.kernel.host.truncate(file, to: length)
    return .value(0)
  }

  /// The kernel truncates through the caller's descriptor.
  @Sendable static func ftruncate(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    guard Int64(bitPattern: call.arguments.1) >= 0 else { return .continue }
    let file = try call.kernel.descriptors.duplicate(descriptor, of: call.thread.group)
    defer { call.kernel.descriptors.release(file) }
    let status = try call.kernel.host.status(of: file)
    guard status.st_mode & S_IFMT == S_IFREG, try call.kernel.descriptors.flags(of: file) & O_ACCMODE != O_RDONLY,
      let dentry = call.dentry(of: descriptor, status)
    else { return .continue }
    call.files.events.record(.truncate, dentry)
    return .continue
  }
}
