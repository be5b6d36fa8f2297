import CLinux
import Glibc
import SystemPackage
import Tracing

extension Syscalls {
  @Sendable static func truncate(_ call: Call) throws(Errno) -> Outcome {
    let length = Int64(bitPattern: call.arguments.1)
    guard length >= 0 else { throw .invalidArgument }
    let walk = try call.walk(atCurrentDirectory, try call.path(at: call.arguments.0))
    guard walk.openFile == nil else { throw .invalidArgument }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    let inode = call.files.inode(of: dentry)
    switch inode.pointee.kind {
    case .directory: throw .isDirectory
    case .regular: break
    default: throw .invalidArgument
    }
    try call.require(.write, inode)
    try call.requireChangeable(inode)
    if length > inode.pointee.size,
      UInt64(length) > (try call.kernel.information.limit(fileSize, of: call.thread.id, setTo: nil).soft)
    {
      // setrlimit(2), RLIMIT_FSIZE: the limit is the guest's, not the supervisor's.
      call.kernel.information.signal(call.thread.id, of: call.thread.group.id, SIGXFSZ)
      throw .fileTooLarge
    }
    return outcome(try call.files.truncate(dentry, to: length))
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
