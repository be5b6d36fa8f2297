import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func chdir(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    let walk = try call.walk(atCurrentDirectory, path, .materialise)
    guard walk.openFile == nil else { throw .notDirectory }
    let dentry = try call.existing(walk)
    let inode = call.files.inode(of: dentry)
    guard inode.pointee.kind == .directory else { throw .notDirectory }
    try call.require(.execute, inode)
    call.thread.group.workingDirectory = .changing(call.thread.id)
    return .continue
  }

  @Sendable static func fchdir(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    let status = try call.kernel.descriptors.status(of: descriptor, in: call.thread)
    guard let dentry = call.files.dentry(ofSkeletonDirectory: status) else { throw .notDirectory }
    let inode = call.files.inode(of: dentry)
    try call.require(.execute, inode)
    try call.files.requireProcess(dentry)
    call.thread.group.workingDirectory = .changing(call.thread.id)
    return .continue
  }
}
