import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func readlink(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    return try readlink(call, atCurrentDirectory, path, to: call.arguments.1, size: call.arguments.2)
  }

  @Sendable static func readlinkat(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.1)
    return try readlink(call, call.arguments.0, path, to: call.arguments.2, size: call.arguments.3)
  }

  private static func readlink(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, to address: UInt64, size: UInt64
  ) throws(Errno) -> Outcome {
    let size = Int32(truncatingIfNeeded: size)
    guard size > 0 else { throw .invalidArgument }
    // readlink(2): an empty path means the link that a descriptor opened with O_PATH | O_NOFOLLOW refers to.
    let walk = try call.walk(directory, path, [.noFollow, .allowEmpty])
    if path.count == 0, Int32(truncatingIfNeeded: directory) == AT_FDCWD { throw .noSuchFileOrDirectory }
    if walk.openFile != nil { throw path.count == 0 ? .noSuchFileOrDirectory : .invalidArgument }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    let inode = call.files.nodes.inode(of: dentry)
    guard inode.pointee.kind == .symbolicLink else {
      call.files.events.record(.stat, dentry)
      throw path.count == 0 ? .noSuchFileOrDirectory : .invalidArgument
    }
    call.files.events.record(.readLink, dentry)
    let target =
      inode.pointee.backing == .proc
      ? try call.kernel.proc.text(of: inode, call) : call.files.nodes.linkTarget(of: inode)
    let count = min(target.count, Int(size))
    try call.write(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: target.prefix(count))), at: address)
    return .value(Int64(count))
  }
}
