import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func setxattr(_ call: Call) throws(Errno) -> Outcome {
    try set(call, try newValue(call, GivenAttribute(call)), try .path(call))
  }
  @Sendable static func lsetxattr(_ call: Call) throws(Errno) -> Outcome {
    try set(call, try newValue(call, GivenAttribute(call)), try .link(call))
  }
  @Sendable static func fsetxattr(_ call: Call) throws(Errno) -> Outcome {
    try set(call, try newValue(call, GivenAttribute(call)), try .fileOrDirectory(call))
  }

  @Sendable static func setxattrat(_ call: Call) throws(Errno) -> Outcome {
    let given = try GivenAttribute(structureOf: call)
    try requireAttributeFlags(call)
    return try set(call, try newValue(call, given), try .at(call))
  }

  /// What is to be set is read before the file is looked for, too (setxattr_copy of fs/xattr.c).
  private static func newValue(
    _ call: Call, _ given: GivenAttribute
  ) throws(Errno) -> (arguments: AttributeArguments, value: [UInt8]) {
    guard given.arguments.flags & ~3 == 0 else { throw .invalidArgument }
    let arguments = try given.named(call)
    guard arguments.size <= 65536 else { throw .init(rawValue: E2BIG) }
    return (arguments, try call.readBytes(at: arguments.value, count: Int(arguments.size)))
  }

  private static func set(
    _ call: Call, _ given: (arguments: AttributeArguments, value: [UInt8]), _ target: AttributeTarget
  ) throws(Errno) -> Outcome {
    try target.with(call) { dentry, open throws(Errno) in
      if isCapability(given.arguments.name), !given.value.isEmpty, !isCapability(given.value) { throw .invalidArgument }
      return try set(call, dentry, open, given.arguments, given.value)
    } foreign: { file throws(Errno) in
      guard let file, !given.arguments.isPrivileged else { throw .notPermitted }
      try setAttribute(call, file, "", given.arguments, given.value)
      return .value(0)
    }
  }

  private static func set(
    _ call: Call, _ dentry: DentryID, _ open: FileDescriptor?, _ arguments: AttributeArguments, _ value: [UInt8]
  ) throws(Errno) -> Outcome {
    if let work = try makeAttributesChangeable(call, dentry, arguments) { return .blocked(on: work) }
    call.files.watches.tellBoth(WatchEvents.attributes, dentry)
    try changeAttributes(call, dentry, open) { root, path throws(Errno) in
      try setAttribute(call, root, path, arguments, value)
    }
    return .value(0)
  }

  private static func setAttribute(
    _ call: Call, _ root: FileDescriptor, _ path: UnsafePointer<CChar>, _ arguments: AttributeArguments,
    _ value: [UInt8]
  ) throws(Errno) {
    var failure: Errno?
    value.withUnsafeBytes { bytes in
      do throws(Errno) {
        try call.kernel.host.setAttribute(root, path, arguments.name, bytes, flags: arguments.flags)
      } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private static func isCapability(_ name: [CChar]) -> Bool {
    name.dropLast().elementsEqual("security.capability".utf8.map { CChar(bitPattern: $0) })
  }

  /// Whether this is a `struct vfs_cap_data`, which Linux asks before it asks for the capability (cap_convert_nscap of
  /// security/commoncap.c).
  private static func isCapability(_ value: [UInt8]) -> Bool {
    value.count == 20 && value[3] == 2 || value.count == 24 && value[3] == 3
  }
}
