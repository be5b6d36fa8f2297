import CLinux
import SystemPackage

extension Syscalls {
  @Sendable static func listxattr(_ call: Call) throws(Errno) -> Outcome {
    try list(call, names(call), try .path(call))
  }
  @Sendable static func llistxattr(_ call: Call) throws(Errno) -> Outcome {
    try list(call, names(call), try .link(call))
  }
  @Sendable static func flistxattr(_ call: Call) throws(Errno) -> Outcome {
    try list(call, names(call), .openFile(call))
  }

  @Sendable static func listxattrat(_ call: Call) throws(Errno) -> Outcome {
    try requireAttributeFlags(call)
    return try list(call, AttributeArguments(value: call.arguments.3, size: call.arguments.4), try .at(call))
  }

  private static func names(_ call: Call) -> AttributeArguments {
    AttributeArguments(value: call.arguments.1, size: call.arguments.2)
  }

  private static func list(
    _ call: Call, _ arguments: AttributeArguments, _ target: AttributeTarget
  ) throws(Errno) -> Outcome {
    try target.with(call) { dentry, open throws(Errno) in
      try list(call, dentry, open, arguments)
    } foreign: { file throws(Errno) in
      guard let file else { return .value(0) }
      return try answerAttribute(call, arguments.value, size: arguments.room) { buffer throws(Errno) in
        try call.kernel.host.listAttributes(file, "", into: buffer)
      }
    }
  }

  private static func list(
    _ call: Call, _ dentry: DentryID, _ open: FileDescriptor?, _ arguments: AttributeArguments
  ) throws(Errno) -> Outcome {
    // Only regular files and directories have user.* attributes, and to ask the host for a link's would follow it.
    guard mayHaveAttributes(call.files.nodes.inode(of: dentry)) else { return .value(0) }
    var all = [UInt8](repeating: 0, count: 65536)
    let result: Result<Int, Errno> = all.withUnsafeMutableBytes { buffer in
      do throws(Errno) {
        return .success(
          try call.files.withPlace(of: dentry, open: open) { root, path throws(Errno) in
            try call.kernel.host.listAttributes(root, path, into: buffer)
          } below: { tree, path throws(Errno) in
            try tree.listAttributes(path, into: buffer)
          } ?? 0)
      } catch { return .failure(error) }
    }
    let names = all.prefix(try result.get()).split(separator: 0).filter {
      AttributeArguments.isVisible($0.map { CChar(bitPattern: $0) })
    }
    let bytes = Array(names.map { Array($0) + [0] }.joined())
    if arguments.room == 0 { return .value(Int64(bytes.count)) }
    guard bytes.count <= arguments.room else { throw .outOfRange }
    try call.write(contentsOf: bytes, at: arguments.value)
    return .value(Int64(bytes.count))
  }
}
