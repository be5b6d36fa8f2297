import CLinux
import Glibc
import SystemPackage

/// What a call on extended attributes is given; each form has it in other places.
private struct AttributeArguments {
  /// With its NUL.
  var name: [CChar] = []
  /// The address of a value or of a list of names.
  var value: UInt64 = 0
  var size: UInt64 = 0
  var flags: Int32 = 0
}

/// struct xattr_args of linux/xattr.h, which libc's headers lack.
private struct xattr_args {
  var value: UInt64
  var size: UInt32
  var flags: UInt32
}

/// What a call on extended attributes is about.
private enum AttributeTarget {
  case file(DentryID)
  case descriptor(Int32)
  /// By a magic link.
  case object(OpenObject)
}

extension Syscalls {
  @Sendable static func getxattr(_ call: Call) throws(Errno) -> Outcome {
    try get(call, try named(call, value(call)), try path(call))
  }
  @Sendable static func lgetxattr(_ call: Call) throws(Errno) -> Outcome {
    try get(call, try named(call, value(call)), try link(call))
  }
  @Sendable static func fgetxattr(_ call: Call) throws(Errno) -> Outcome {
    try get(call, try named(call, value(call)), try fileOrDirectory(call))
  }
  @Sendable static func listxattr(_ call: Call) throws(Errno) -> Outcome {
    try list(call, names(call), try path(call))
  }
  @Sendable static func llistxattr(_ call: Call) throws(Errno) -> Outcome {
    try list(call, names(call), try link(call))
  }
  @Sendable static func flistxattr(_ call: Call) throws(Errno) -> Outcome {
    try list(call, names(call), file(call))
  }
  @Sendable static func setxattr(_ call: Call) throws(Errno) -> Outcome {
    try set(call, try newValue(call, value(call)), try path(call))
  }
  @Sendable static func lsetxattr(_ call: Call) throws(Errno) -> Outcome {
    try set(call, try newValue(call, value(call)), try link(call))
  }
  @Sendable static func fsetxattr(_ call: Call) throws(Errno) -> Outcome {
    try set(call, try newValue(call, value(call)), try fileOrDirectory(call))
  }
  @Sendable static func removexattr(_ call: Call) throws(Errno) -> Outcome {
    try remove(call, try named(call, value(call)), try path(call))
  }
  @Sendable static func lremovexattr(_ call: Call) throws(Errno) -> Outcome {
    try remove(call, try named(call, value(call)), try link(call))
  }
  @Sendable static func fremovexattr(_ call: Call) throws(Errno) -> Outcome {
    try remove(call, try named(call, value(call)), file(call))
  }

  @Sendable static func getxattrat(_ call: Call) throws(Errno) -> Outcome {
    let arguments = try structure(call)
    guard arguments.flags == 0 else { throw .invalidArgument }
    try requireFlags(call)
    return try get(call, try named(call, arguments), try target(call))
  }

  @Sendable static func setxattrat(_ call: Call) throws(Errno) -> Outcome {
    let arguments = try structure(call)
    try requireFlags(call)
    return try set(call, try newValue(call, arguments), try target(call))
  }

  @Sendable static func listxattrat(_ call: Call) throws(Errno) -> Outcome {
    try requireFlags(call)
    return try list(
      call, AttributeArguments(value: call.arguments.3, size: call.arguments.4), try target(call))
  }

  @Sendable static func removexattrat(_ call: Call) throws(Errno) -> Outcome {
    try requireFlags(call)
    return try remove(
      call, try named(call, Given(name: call.arguments.3, arguments: AttributeArguments())), try target(call))
  }

  /// The address of the name, which is read when all that Linux complains of earlier is right.
  private struct Given {
    var name: UInt64
    var arguments: AttributeArguments
    var flags: Int32 { arguments.flags }
  }

  private static func value(_ call: Call) -> Given {
    Given(
      name: call.arguments.1,
      arguments: AttributeArguments(
        value: call.arguments.2, size: call.arguments.3, flags: Int32(truncatingIfNeeded: call.arguments.4)))
  }

  private static func names(_ call: Call) -> AttributeArguments {
    AttributeArguments(value: call.arguments.1, size: call.arguments.2)
  }

  private static func structure(_ call: Call) throws(Errno) -> Given {
    let arguments = try call.readExtensible(xattr_args.self, at: call.arguments.4, size: call.arguments.5)
    return Given(
      name: call.arguments.3,
      arguments: AttributeArguments(
        value: arguments.value, size: UInt64(arguments.size), flags: Int32(bitPattern: arguments.flags)))
  }

  /// The name comes before the file in all forms (fs/xattr.c).
  private static func named(_ call: Call, _ given: Given) throws(Errno) -> AttributeArguments {
    var arguments = given.arguments
    arguments.name = try name(call, at: given.name)
    return arguments
  }

  /// What is to be set is read before the file is looked for, too (setxattr_copy of fs/xattr.c).
  private static func newValue(
    _ call: Call, _ given: Given
  ) throws(Errno) -> (arguments: AttributeArguments, value: [UInt8]) {
    guard given.flags & ~3 == 0 else { throw .invalidArgument }
    let arguments = try named(call, given)
    guard arguments.size <= 65536 else { throw .init(rawValue: E2BIG) }
    return (arguments, try call.readBytes(at: arguments.value, count: Int(arguments.size)))
  }

  /// The AT_ flags of the newest forms.
  private static func requireFlags(_ call: Call) throws(Errno) {
    let flags = Int32(truncatingIfNeeded: call.arguments.2)
    guard flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH_) == 0 else { throw .invalidArgument }
  }

  private static func file(_ call: Call) -> AttributeTarget {
    .descriptor(Int32(truncatingIfNeeded: call.arguments.0))
  }

  /// Of fsetxattr and fgetxattr, for which AT_FDCWD is the current directory (path_setxattrat of fs/xattr.c, since Linux 6.13).
  private static func fileOrDirectory(_ call: Call) throws(Errno) -> AttributeTarget {
    Int32(truncatingIfNeeded: call.arguments.0) == AT_FDCWD ? .file(try call.workingDirectory()) : file(call)
  }

  private static func path(_ call: Call) throws(Errno) -> AttributeTarget {
    try target(call, atCurrentDirectory, try call.path(at: call.arguments.0), [])
  }

  private static func link(_ call: Call) throws(Errno) -> AttributeTarget {
    try target(call, atCurrentDirectory, try call.path(at: call.arguments.0), .noFollow)
  }

  /// The target of the forms that have a directory, a path and AT_ flags.
  private static func target(_ call: Call) throws(Errno) -> AttributeTarget {
    let flags = Int32(truncatingIfNeeded: call.arguments.2)
    // With AT_EMPTY_PATH no path is the empty path.
    let path =
      flags & AT_EMPTY_PATH_ != 0 && call.arguments.1 == 0
      ? UnsafeBufferPointer(start: nil, count: 0) : try call.path(at: call.arguments.1)
    if path.count == 0, flags & AT_EMPTY_PATH_ != 0, Int32(truncatingIfNeeded: call.arguments.0) != AT_FDCWD {
      return file(call)
    }
    return try target(call, call.arguments.0, path, WalkOptions(atFlags: flags))
  }

  private static func target(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ options: WalkOptions
  ) throws(Errno) -> AttributeTarget {
    let walk = try call.walk(directory, path, options)
    if let open = walk.openFile { return .object(open) }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    return .file(dentry)
  }

  /// Calls `body` with the target's name and, if the host knows its file by no name any more, its open file; `foreign` with what is
  /// none of the tree's.
  private static func with(
    _ target: AttributeTarget, _ call: Call,
    _ body: (DentryID, FileDescriptor?) throws(Errno) -> Outcome,
    foreign: (FileDescriptor?) throws(Errno) -> Outcome
  ) throws(Errno) -> Outcome {
    let object: OpenObject
    let dentry: DentryID?
    switch target {
    case .file(let dentry): return try body(dentry, nil)
    case .descriptor(let descriptor):
      object = OpenObject(call.thread.id, .descriptor(descriptor))
      dentry = try call.changeable(descriptor)
    case .object(let open):
      object = open
      dentry = try call.dentry(of: open)
    }
    guard let dentry else { return try call.withForeign(object, foreign) }
    return try call.withNameless(dentry, object) { open throws(Errno) in try body(dentry, open) }
  }

  private static func get(
    _ call: Call, _ arguments: AttributeArguments, _ target: AttributeTarget
  ) throws(Errno) -> Outcome {
    try with(target, call) { dentry, open throws(Errno) in
      try get(call, dentry, open, arguments)
    } foreign: { file throws(Errno) in
      guard let file else { throw .noData }
      return try answer(call, arguments.value, size: Int(min(arguments.size, 65536))) { buffer throws(Errno) in
        try call.kernel.host.getAttribute(file, "", arguments.name, into: buffer)
      }
    }
  }

  private static func list(
    _ call: Call, _ arguments: AttributeArguments, _ target: AttributeTarget
  ) throws(Errno) -> Outcome {
    try with(target, call) { dentry, open throws(Errno) in
      try list(call, dentry, open, arguments)
    } foreign: { file throws(Errno) in
      guard let file else { return .value(0) }
      return try answer(call, arguments.value, size: Int(min(arguments.size, 65536))) { buffer throws(Errno) in
        try call.kernel.host.listAttributes(file, "", into: buffer)
      }
    }
  }

  private static func set(
    _ call: Call, _ given: (arguments: AttributeArguments, value: [UInt8]), _ target: AttributeTarget
  ) throws(Errno) -> Outcome {
    try with(target, call) { dentry, open throws(Errno) in
      if isCapability(given.arguments.name), !given.value.isEmpty, !isCapability(given.value) { throw .invalidArgument }
      return try set(call, dentry, open, given.arguments, given.value)
    } foreign: { file throws(Errno) in
      guard let file, !isPrivileged(given.arguments.name) else { throw .notPermitted }
      try setAttribute(call, file, "", given.arguments, given.value)
      return .value(0)
    }
  }

  private static func remove(
    _ call: Call, _ arguments: AttributeArguments, _ target: AttributeTarget
  ) throws(Errno) -> Outcome {
    try with(target, call) { dentry, open throws(Errno) in
      try remove(call, dentry, open, arguments)
    } foreign: { file throws(Errno) in
      guard let file, !isPrivileged(arguments.name) else { throw .notPermitted }
      try call.kernel.host.removeAttribute(file, "", arguments.name)
      return .value(0)
    }
  }

  /// xattr(7): these namespaces need a capability that no guest has.
  private static func isPrivileged(_ name: [CChar]) -> Bool {
    let bytes = name.map { UInt8(bitPattern: $0) }
    return bytes.starts(with: "trusted.".utf8) || bytes.starts(with: "security.".utf8)
  }

  private static func isCapability(_ name: [CChar]) -> Bool {
    name.dropLast().elementsEqual("security.capability".utf8.map { CChar(bitPattern: $0) })
  }

  /// Whether this is a `struct vfs_cap_data`, which Linux asks before it asks for the capability (cap_convert_nscap of
  /// security/commoncap.c).
  private static func isCapability(_ value: [UInt8]) -> Bool {
    value.count == 20 && value[3] == 2 || value.count == 24 && value[3] == 3
  }

  /// xattr(7): a name is a namespace, a dot, and at most 255 bytes in all.
  private static func name(_ call: Call, at address: UInt64) throws(Errno) -> [CChar] {
    let bytes: UnsafeBufferPointer<UInt8>
    do throws(Errno) {
      bytes = try call.path(at: address, slot: 1)
    } catch {
      throw error == .fileNameTooLong ? .outOfRange : error
    }
    guard bytes.count > 0, bytes.count <= 255 else { throw .outOfRange }
    return bytes.map { CChar(bitPattern: $0) } + [0]
  }

  /// Whether the guest may know of the attribute: what overlayfs' format keeps in a layer is not the guest's.
  private static func isVisible(_ name: [CChar]) -> Bool {
    let bytes = name.map { UInt8(bitPattern: $0) }
    return bytes.starts(with: "user.".utf8) && !bytes.starts(with: "user.overlay.".utf8)
  }

  private static func mayHaveAttributes(_ inode: UnsafeMutablePointer<Inode>) -> Bool {
    inode.pointee.kind == .regular || inode.pointee.kind == .directory
  }

  private static func get(
    _ call: Call, _ dentry: DentryID, _ open: FileDescriptor?, _ arguments: AttributeArguments
  ) throws(Errno) -> Outcome {
    let name = arguments.name
    let inode = call.files.nodes.inode(of: dentry)
    guard isVisible(name) else {
      let bytes = name.map { UInt8(bitPattern: $0) }
      if bytes.starts(with: "user.".utf8) || bytes.starts(with: "security.".utf8) || bytes.starts(with: "trusted.".utf8)
      {
        throw .noData
      }
      if !bytes.starts(with: "system.".utf8) { try call.require(.read, inode) }
      throw .notSupported
    }
    guard mayHaveAttributes(inode) else { throw .noData }
    try call.require(.read, inode)
    if inode.pointee.backing == .proc { throw .notSupported }
    let size = Int(min(arguments.size, 65536))
    return try answer(call, arguments.value, size: size) { buffer throws(Errno) in
      let count: Int? = try call.files.withPlace(of: dentry, open: open) { root, path throws(Errno) in
        try call.kernel.host.getAttribute(root, path, name, into: buffer)
      } below: { tree, path throws(Errno) in
        try tree.getAttribute(path, name, into: buffer)
      }
      guard let count else { throw .noData }
      return count
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
    let names = all.prefix(try result.get()).split(separator: 0).filter { isVisible($0.map { CChar(bitPattern: $0) }) }
    let bytes = Array(names.map { Array($0) + [0] }.joined())
    let size = Int(min(arguments.size, 65536))
    if size == 0 { return .value(Int64(bytes.count)) }
    guard bytes.count <= size else { throw .outOfRange }
    try call.write(contentsOf: bytes, at: arguments.value)
    return .value(Int64(bytes.count))
  }

  private static func answer(
    _ call: Call, _ address: UInt64, size: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Errno) -> Int
  ) throws(Errno) -> Outcome {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 0), alignment: 8)
    defer { buffer.deallocate() }
    let count = try body(buffer)
    if size > 0 {
      try call.write(
        UnsafeRawBufferPointer(UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(count))), at: address)
    }
    return .value(Int64(count))
  }

  private static func set(
    _ call: Call, _ dentry: DentryID, _ open: FileDescriptor?, _ arguments: AttributeArguments, _ value: [UInt8]
  ) throws(Errno) -> Outcome {
    if let work = try makeChangeable(call, dentry, arguments.name) { return .blocked(on: work) }
    call.files.watches.tellBoth(WatchEvents.attributes, dentry)
    try change(call, dentry, open) { root, path throws(Errno) in
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

  private static func remove(
    _ call: Call, _ dentry: DentryID, _ open: FileDescriptor?, _ arguments: AttributeArguments
  ) throws(Errno) -> Outcome {
    if let work = try makeChangeable(call, dentry, arguments.name) { return .blocked(on: work) }
    call.files.watches.tellBoth(WatchEvents.attributes, dentry)
    try change(call, dentry, open) { root, path throws(Errno) in
      try call.kernel.host.removeAttribute(root, path, arguments.name)
    }
    return .value(0)
  }

  private static func makeChangeable(
    _ call: Call, _ dentry: DentryID, _ name: [CChar]
  ) throws(Errno) -> (any BlockingWork)? {
    let inode = call.files.nodes.inode(of: dentry)
    guard isVisible(name) else {
      if isPrivileged(name) { throw .notPermitted }
      let bytes = name.map { UInt8(bitPattern: $0) }
      if !bytes.starts(with: "system.".utf8) { try call.require(.write, inode) }
      throw .notSupported
    }
    try call.requireChangeable(inode)
    guard mayHaveAttributes(inode) else { throw .notPermitted }
    try call.require(.write, inode)
    if let work = try call.files.copyUp(dentry) { return work }
    guard call.files.nodes.isNameless(dentry) else { return nil }
    return try call.files.versions.leaveArchive(
      HostIdentity(device: inode.pointee.hostDevice, inode: inode.pointee.hostInode))
  }

  private static func change(
    _ call: Call, _ dentry: DentryID, _ open: FileDescriptor?,
    _ body: (FileDescriptor, UnsafePointer<CChar>) throws(Errno) -> Void
  ) throws(Errno) {
    let done: Void? = try call.files.withPlace(of: dentry, open: open, above: body) { _, _ throws(Errno) in
      throw .notSupported
    }
    guard done != nil else { throw .notSupported }
  }
}
