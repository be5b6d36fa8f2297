import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func mknod(_ call: Call) throws(Errno) -> Outcome {
    try mknod(call, atCurrentDirectory, call.arguments.0, call.arguments.1, call.arguments.2)
  }

  @Sendable static func mknodat(_ call: Call) throws(Errno) -> Outcome {
    try mknod(call, call.arguments.0, call.arguments.1, call.arguments.2, call.arguments.3)
  }

  private static func mknod(
    _ call: Call, _ directory: UInt64, _ path: UInt64, _ mode: UInt64, _ device: UInt64
  ) throws(Errno) -> Outcome {
    let mode = UInt32(truncatingIfNeeded: mode)
    let kind: FileKind
    // The mode is judged before the path is read (may_mknod in fs/namei.c).
    switch mode & S_IFMT {
    case 0, S_IFREG: kind = .regular
    case S_IFIFO: kind = .fifo
    case S_IFSOCK: kind = .socket
    case S_IFCHR, S_IFBLK:
      // mknod(2): a device needs CAP_MKNOD, which no guest has.
      let walk = try call.walk(directory, try call.path(at: path), .parent)
      guard walk.dentry == .none || call.files.nodes[walk.dentry].pointee.inode == .none else { throw .fileExists }
      throw .notPermitted
    case S_IFDIR: throw .notPermitted
    default: throw .invalidArgument
    }
    let walk = try call.walk(directory, try call.path(at: path), .parent)
    let permissions = mode & 0o7777 & ~(try call.umask())
    try call.files.makeNode(walk, call, kind: kind, mode: permissions)
    return .value(0)
  }
}
