import CLinux
import SystemPackage

extension Syscalls {
  @Sendable static func removexattr(_ call: Call) throws(Errno) -> Outcome {
    try remove(call, try GivenAttribute(call).named(call), try .path(call))
  }
  @Sendable static func lremovexattr(_ call: Call) throws(Errno) -> Outcome {
    try remove(call, try GivenAttribute(call).named(call), try .link(call))
  }
  @Sendable static func fremovexattr(_ call: Call) throws(Errno) -> Outcome {
    try remove(call, try GivenAttribute(call).named(call), .openFile(call))
  }

  @Sendable static func removexattrat(_ call: Call) throws(Errno) -> Outcome {
    try requireAttributeFlags(call)
    return try remove(call, try GivenAttribute(name: call.arguments.3).named(call), try .at(call))
  }

  private static func remove(
    _ call: Call, _ arguments: AttributeArguments, _ target: AttributeTarget
  ) throws(Errno) -> Outcome {
    try target.with(call) { dentry, open throws(Errno) in
      try remove(call, dentry, open, arguments)
    } foreign: { file throws(Errno) in
      guard let file, !arguments.isPrivileged else { throw .notPermitted }
      try call.kernel.host.removeAttribute(file, "", arguments.name)
      return .value(0)
    }
  }

  private static func remove(
    _ call: Call, _ dentry: DentryID, _ open: FileDescriptor?, _ arguments: AttributeArguments
  ) throws(Errno) -> Outcome {
    if let work = try makeAttributesChangeable(call, dentry, arguments) { return .blocked(on: work) }
    call.files.watches.tellBoth(WatchEvents.attributes, dentry)
    try changeAttributes(call, dentry, open) { root, path throws(Errno) in
      try call.kernel.host.removeAttribute(root, path, arguments.name)
    }
    return .value(0)
  }
}
