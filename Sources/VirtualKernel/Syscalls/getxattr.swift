import CLinux
import SystemPackage

extension Syscalls {
  @Sendable static func getxattr(_ call: Call) throws(Errno) -> Outcome {
    try get(call, try GivenAttribute(call).named(call), try .path(call))
  }
  @Sendable static func lgetxattr(_ call: Call) throws(Errno) -> Outcome {
    try get(call, try GivenAttribute(call).named(call), try .link(call))
  }
  @Sendable static func fgetxattr(_ call: Call) throws(Errno) -> Outcome {
    try get(call, try GivenAttribute(call).named(call), try .fileOrDirectory(call))
  }

  @Sendable static func getxattrat(_ call: Call) throws(Errno) -> Outcome {
    let given = try GivenAttribute(structureOf: call)
    guard given.arguments.flags == 0 else { throw .invalidArgument }
    try requireAttributeFlags(call)
    return try get(call, try given.named(call), try .at(call))
  }

  private static func get(
    _ call: Call, _ arguments: AttributeArguments, _ target: AttributeTarget
  ) throws(Errno) -> Outcome {
    try target.with(call) { dentry, open throws(Errno) in
      try get(call, dentry, open, arguments)
    } foreign: { file throws(Errno) in
      guard let file else { throw .noData }
      return try answerAttribute(call, arguments.value, size: arguments.room) { buffer throws(Errno) in
        try call.kernel.host.getAttribute(file, "", arguments.name, into: buffer)
      }
    }
  }

  private static func get(
    _ call: Call, _ dentry: DentryID, _ open: FileDescriptor?, _ arguments: AttributeArguments
  ) throws(Errno) -> Outcome {
    let name = arguments.name
    let inode = call.files.nodes.inode(of: dentry)
    guard arguments.isVisible else {
      if arguments.isOf("user.") || arguments.isPrivileged { throw .noData }
      if !arguments.isOf("system.") { try call.require(.read, inode) }
      throw .notSupported
    }
    guard mayHaveAttributes(inode) else { throw .noData }
    try call.require(.read, inode)
    if inode.pointee.backing == .proc { throw .notSupported }
    return try answerAttribute(call, arguments.value, size: arguments.room) { buffer throws(Errno) in
      let count: Int? = try call.files.withPlace(of: dentry, open: open) { root, path throws(Errno) in
        try call.kernel.host.getAttribute(root, path, name, into: buffer)
      } below: { tree, path throws(Errno) in
        try tree.getAttribute(path, name, into: buffer)
      }
      guard let count else { throw .noData }
      return count
    }
  }
}
