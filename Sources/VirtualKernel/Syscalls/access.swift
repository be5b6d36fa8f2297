import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func access(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    return try access(call, atCurrentDirectory, path, Int32(truncatingIfNeeded: call.arguments.1), [])
  }

  @Sendable static func faccessat(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.1)
    return try access(call, call.arguments.0, path, Int32(truncatingIfNeeded: call.arguments.2), [])
  }

  @Sendable static func faccessat2(_ call: Call) throws(Errno) -> Outcome {
    let flags = Int32(truncatingIfNeeded: call.arguments.3)
    let effective: Int32 = 0x200  // AT_EACCESS: real and effective ids are the same here
    guard flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH_ | effective) == 0 else { throw .invalidArgument }
    let path = try call.path(at: call.arguments.1)
    return try access(
      call, call.arguments.0, path, Int32(truncatingIfNeeded: call.arguments.2), WalkOptions(atFlags: flags))
  }

  private static func access(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ mode: Int32, _ options: WalkOptions
  ) throws(Errno) -> Outcome {
    guard mode & ~7 == 0 else { throw .invalidArgument }
    let walk = try call.walk(directory, path, options)
    if walk.openFile != nil { return .value(0) }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    call.files.record(.stat, dentry)
    try call.require(Call.Access(rawValue: UInt16(mode)), call.files.inode(of: dentry))
    if mode & W_OK != 0 { try call.files.requireWritable(dentry) }
    return .value(0)
  }
}
