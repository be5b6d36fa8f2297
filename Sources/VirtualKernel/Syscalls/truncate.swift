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
      guard let found = try call.dentry(of: open) else { throw .invalidArgument }
      guard let linked = call.files.linkedName(of: found) else { return try truncate(call, open, found, to: length) }
      dentry = linked
    } else {
      dentry = try call.existing(walk)
    }
    try call.files.load(dentry)
    let inode = call.files.inode(of: dentry)
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

  /// A file that a link of /proc/<pid>/fd leads to, and no name any more.
  private static func truncate(
    _ call: Call, _ open: (thread: AbsTid, descriptor: Int32), _ dentry: DentryID, to length: Int64
  ) throws(Errno) -> Outcome {
    let inode = call.files.inode(of: dentry)
    guard inode.pointee.kind == .regular else { throw .invalidArgument }
    try call.require(.write, inode)
    try call.requireChangeable(inode)
    let group = try call.kernel.processes.thread(open.thread).group
    let original = try call.kernel.descriptors.duplicate(open.descriptor, of: group)
    defer { call.kernel.descriptors.release(original) }
    let status = try call.kernel.host.status(of: original)
    // Another thread may have put another file behind the number since.
    guard let known = call.files.inode(ofOpenFile: status), known == call.files.dentries[dentry].pointee.inode else {
      throw .invalidArgument
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
    call.files.record(.truncate, dentry)
    return .continue
  }
}
