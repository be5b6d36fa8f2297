import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func unlink(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    return try unlink(call, atCurrentDirectory, path, isDirectory: false)
  }

  @Sendable static func rmdir(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    return try unlink(call, atCurrentDirectory, path, isDirectory: true)
  }

  @Sendable static func unlinkat(_ call: Call) throws(Errno) -> Outcome {
    let flags = Int32(truncatingIfNeeded: call.arguments.2)
    guard flags & ~AT_REMOVEDIR == 0 else { throw .invalidArgument }
    let path = try call.path(at: call.arguments.1)
    return try unlink(call, call.arguments.0, path, isDirectory: flags & AT_REMOVEDIR != 0)
  }

  private static func unlink(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, isDirectory: Bool
  ) throws(Errno) -> Outcome {
    let walk = try call.walk(directory, path, .parent)
    switch walk.last {
    case .name: break
    case .dot: throw isDirectory ? .invalidArgument : .isDirectory
    case .dotDot: throw isDirectory ? .directoryNotEmpty : .isDirectory
    case .root: throw isDirectory ? .resourceBusy : .isDirectory
    }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    if isDirectory {
      try call.files.removeDirectory(dentry, call)
    } else {
      if walk.hasTrailingSlash, call.files.nodes.inode(of: dentry).pointee.kind != .directory { throw .notDirectory }
      return outcome(try call.files.unlink(dentry, call))
    }
    return .value(0)
  }
}
