import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func statfs(_ call: Call) throws(Errno) -> Outcome {
    let walk = try call.walk(atCurrentDirectory, try call.path(at: call.arguments.0))
    if let open = walk.openFile { return try statfs(call, open, to: call.arguments.1) }
    let dentry = try call.existing(walk)
    return try statfs(call, call.files.nodes.inode(of: dentry).pointee.fileSystem, to: call.arguments.1)
  }

  @Sendable static func fstatfs(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    return try statfs(call, OpenObject(call.thread.id, .descriptor(descriptor)), to: call.arguments.1)
  }

  private static func statfs(_ call: Call, _ open: OpenObject, to address: UInt64) throws(Errno) -> Outcome {
    if let inode = call.files.objects.inode(ofOpenFile: try call.status(of: open)) {
      return try statfs(call, call.files.nodes[inode].pointee.fileSystem, to: address)
    }
    let file = try call.duplicate(open)
    defer { call.kernel.descriptors.release(file) }
    var result = try call.kernel.host.fileSystemStatus(file)
    // That of a pipe has none on any machine.
    if call.files.configuration.isUniform, result.f_blocks != 0 { makeUniform(&result) }
    try call.write(result, at: address)
    return .value(0)
  }

  /// The space is that of the file system that the layer's files or the store's are on.
  private static func statfs(_ call: Call, _ fileSystem: UInt8, to address: UInt64) throws(Errno) -> Outcome {
    let isTmp = fileSystem == FileSystemID.tmp || fileSystem == FileSystemID.shm
    var result = try call.kernel.host.fileSystemStatus(call.files.upperLayer.root(isTmp ? .tmp : .run))
    if call.files.configuration.isUniform { makeUniform(&result) }
    // statfs(2): the file systems' magic numbers. The root has that of the file system that the layer is on, as natively: of a type that is
    // told not to know of all changes, such as overlayfs', tail(1) does not ask for them by inotify(7).
    switch fileSystem {
    case FileSystemID.tmp, FileSystemID.shm, FileSystemID.dev: result.f_type = 0x0102_1994
    case FileSystemID.proc: result.f_type = 0x9fa0
    case FileSystemID.pts: result.f_type = 0x1cd1
    case FileSystemID.sys: result.f_type = 0x6265_6572
    default: break
    }
    if fileSystem == FileSystemID.proc || fileSystem == FileSystemID.pts || fileSystem == FileSystemID.sys {
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

  /// A file system of ext4's type with 64 GiB, half of them free.
  private static func makeUniform(_ status: inout CLinux.statfs) {
    status.f_type = 0xef53
    status.f_bsize = 4096
    status.f_frsize = 4096
    status.f_blocks = 1 << 24
    status.f_bfree = 1 << 23
    status.f_bavail = 1 << 23
    status.f_files = 1 << 22
    status.f_ffree = 1 << 21
    status.f_namelen = 255
    status.f_flags = 0x1020  // ST_VALID, ST_RELATIME
    status.f_fsid.__val = (Int32(0x75777278), 0)
  }
}
