import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func mkdir(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    return try mkdir(call, atCurrentDirectory, path, call.arguments.1)
  }

  @Sendable static func mkdirat(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.1)
    return try mkdir(call, call.arguments.0, path, call.arguments.2)
  }

  private static func mkdir(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ mode: UInt64
  ) throws(Errno) -> Outcome {
    let walk = try call.walk(directory, path, .parent)
    let permissions = UInt32(truncatingIfNeeded: mode) & 0o1777 & ~(try call.umask())
    try call.files.makeDirectory(walk, call, mode: permissions)
    return .value(0)
  }
}
