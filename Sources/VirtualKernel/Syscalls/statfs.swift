import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func statfs(_ call: Call) throws(Errno) -> Outcome {
    let walk = try call.walk(atCurrentDirectory, try call.path(at: call.arguments.0))
    if let open = walk.openFile { return try foreign(call, open.descriptor, of: open.thread, to: call.arguments.1) }
    let dentry = try call.existing(walk)
    return try statfs(call, call.files.inode(of: dentry).pointee.fileSystem, to: call.arguments.1)
  }

  @Sendable static func fstatfs(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    let status = try call.kernel.descriptors.status(of: descriptor, in: call.thread)
    if let inode = call.files.inode(ofOpenFile: status) {
      return try statfs(call, call.files.inodes[inode.index].pointee.fileSystem, to: call.arguments.1)
    }
    return try foreign(call, descriptor, of: call.thread.id, to: call.arguments.1)
  }

  private static func foreign(
    _ call: Call, _ descriptor: Int32, of thread: AbsTid, to address: UInt64
  ) throws(Errno) -> Outcome {
    let group = try call.kernel.processes.thread(thread).group
    let file = try call.kernel.descriptors.duplicate(descriptor, of: group)
    defer { call.kernel.descriptors.release(file) }
    try call.write(try call.kernel.host.fileSystemStatus(file), at: address)
    return .value(0)
  }

  /// The space is that of the file system that the layer's files or the store's are on.
  private static func statfs(_ call: Call, _ fileSystem: UInt8, to address: UInt64) throws(Errno) -> Outcome {
    let isTmp = fileSystem == FileSystemID.tmp || fileSystem == FileSystemID.shm
    var result = try call.kernel.host.fileSystemStatus(call.files.upperRoot(isTmp ? .tmp : .run))
    // statfs(2): the file systems' magic numbers. The root has that of the file system that the layer is on, as natively: of a type that is
    // told not to know of all changes, such as overlayfs', tail(1) does not ask for them by inotify(7).
    switch fileSystem {
    case FileSystemID.tmp, FileSystemID.shm, FileSystemID.dev: result.f_type = 0x0102_1994
    case FileSystemID.proc: result.f_type = 0x9fa0
    case FileSystemID.pts: result.f_type = 0x1cd1
    default: break
    }
    if fileSystem == FileSystemID.proc || fileSystem == FileSystemID.pts {
      result.f_blocks = 0
      result.f_bfree = 0
      result.f_bavail = 0
      result.f_files = 0
      result.f_ffree = 0
    }
    result.f_fsid.__val = (Int32(0x75777278), Int32(fileSystem))
    try call.write(result, at: address)
    return .value(0)
  }
}
