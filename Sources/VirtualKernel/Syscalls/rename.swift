import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func rename(_ call: Call) throws(Errno) -> Outcome {
    let from = try call.path(at: call.arguments.0)
    let to = try call.path(at: call.arguments.1, slot: 1)
    return try rename(call, atCurrentDirectory, from, atCurrentDirectory, to, flags: 0)
  }

  @Sendable static func renameat(_ call: Call) throws(Errno) -> Outcome {
    let from = try call.path(at: call.arguments.1)
    let to = try call.path(at: call.arguments.3, slot: 1)
    return try rename(call, call.arguments.0, from, call.arguments.2, to, flags: 0)
  }

  @Sendable static func renameat2(_ call: Call) throws(Errno) -> Outcome {
    let flags = UInt32(truncatingIfNeeded: call.arguments.4)
    let noReplace = renameNoReplace
    let exchange = renameExchange
    // RENAME_WHITEOUT needs CAP_MKNOD on Linux; only overlayfs itself asks for it.
    guard flags & ~(noReplace | exchange) == 0, flags != noReplace | exchange else { throw .invalidArgument }
    let from = try call.path(at: call.arguments.1)
    let to = try call.path(at: call.arguments.3, slot: 1)
    return try rename(call, call.arguments.0, from, call.arguments.2, to, flags: flags)
  }

  private static func rename(
    _ call: Call, _ fromDirectory: UInt64, _ from: UnsafeBufferPointer<UInt8>, _ toDirectory: UInt64,
    _ to: UnsafeBufferPointer<UInt8>, flags: UInt32
  ) throws(Errno) -> Outcome {
    let source = try call.walk(fromDirectory, from, .parent)
    if source.dentry != .none, call.files.dentries[source.dentry].pointee.inode != .none {
      try call.files.load(source.dentry)
    }
    let target = try call.walk(toDirectory, to, .parent)
    if target.dentry != .none, call.files.dentries[target.dentry].pointee.inode != .none {
      try call.files.load(target.dentry)
    }
    return outcome(try call.files.rename(source, target, call, flags: flags))
  }
}
