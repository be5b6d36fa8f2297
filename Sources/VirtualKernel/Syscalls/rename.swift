import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func rename(_ call: Call) throws(Errno) -> Outcome {
    let from = try call.path(at: call.arguments.0)
    return try rename(call, atCurrentDirectory, from, atCurrentDirectory, call.arguments.1, flags: 0)
  }

  @Sendable static func renameat(_ call: Call) throws(Errno) -> Outcome {
    let from = try call.path(at: call.arguments.1)
    return try rename(call, call.arguments.0, from, call.arguments.2, call.arguments.3, flags: 0)
  }

  @Sendable static func renameat2(_ call: Call) throws(Errno) -> Outcome {
    let flags = UInt32(truncatingIfNeeded: call.arguments.4)
    let noReplace = renameNoReplace
    let exchange = renameExchange
    guard flags & ~(noReplace | exchange | renameWhiteout) == 0,
      flags & exchange == 0 || flags & (noReplace | renameWhiteout) == 0
    else { throw .invalidArgument }
    let from = try call.path(at: call.arguments.1)
    return try rename(call, call.arguments.0, from, call.arguments.2, call.arguments.3, flags: flags)
  }

  /// - Parameter to: the address of a path, which Linux does not complain of before the first one's directory is found.
  private static func rename(
    _ call: Call, _ fromDirectory: UInt64, _ from: UnsafeBufferPointer<UInt8>, _ toDirectory: UInt64, _ to: UInt64,
    flags: UInt32
  ) throws(Errno) -> Outcome {
    let source: WalkResult
    do throws(Errno) { source = try call.walk(fromDirectory, from, .parent) } catch {
      // do_renameat2() finds both directories before it looks at a last name.
      if error == .fileNameTooLong, from.reversed().prefix(while: { $0 != UInt8(ascii: "/") }).count > 255 {
        _ = try call.walk(toDirectory, try call.path(at: to, slot: 1), .parent)
      }
      throw error
    }
    if source.dentry != .none, call.files.nodes[source.dentry].pointee.inode != .none {
      try call.files.load(source.dentry)
    }
    let target = try call.walk(toDirectory, try call.path(at: to, slot: 1), .parent)
    if target.dentry != .none, call.files.nodes[target.dentry].pointee.inode != .none {
      try call.files.load(target.dentry)
    }
    // As overlayfs says (ovl_rename of fs/overlayfs/dir.c): a whiteout is how a layer says "deleted".
    if flags & renameWhiteout != 0 { throw .invalidArgument }
    return outcome(try call.files.rename(source, target, call, flags: flags))
  }
}
