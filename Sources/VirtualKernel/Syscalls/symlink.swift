import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func symlink(_ call: Call) throws(Errno) -> Outcome {
    let target = try call.path(at: call.arguments.0)
    let path = try call.path(at: call.arguments.1, slot: 1)
    return try symlink(call, target, atCurrentDirectory, path)
  }

  @Sendable static func symlinkat(_ call: Call) throws(Errno) -> Outcome {
    let target = try call.path(at: call.arguments.0)
    let path = try call.path(at: call.arguments.2, slot: 1)
    return try symlink(call, target, call.arguments.1, path)
  }

  private static func symlink(
    _ call: Call, _ target: UnsafeBufferPointer<UInt8>, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>
  ) throws(Errno) -> Outcome {
    guard target.count > 0 else { throw .noSuchFileOrDirectory }
    let walk = try call.walk(directory, path, .parent)
    guard walk.last == .name else { throw .fileExists }
    try call.files.makeSymbolicLink(walk, call, target: target)
    return .value(0)
  }
}
