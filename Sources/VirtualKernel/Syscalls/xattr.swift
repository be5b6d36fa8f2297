import CLinux
import Glibc
import SystemPackage

// What the calls on extended attributes (xattr(7)) share; each has a file of its own.

/// What such a call is given; each form has it in other places.
struct AttributeArguments {
  /// With its NUL.
  var name: [CChar] = []
  /// The address of a value or of a list of names.
  var value: UInt64 = 0
  var size: UInt64 = 0
  var flags: Int32 = 0

  /// What fits into the largest value or list that Linux knows (XATTR_SIZE_MAX).
  var room: Int { Int(min(size, 65536)) }
}

/// struct xattr_args of linux/xattr.h, which libc's headers lack.
private struct xattr_args {
  var value: UInt64
  var size: UInt32
  var flags: UInt32
}

/// The same with the address of the name, which is read when all that Linux complains of earlier is right.
struct GivenAttribute {
  var name: UInt64
  var arguments = AttributeArguments()

  /// Of the forms that have a name, a value, a size and flags after the file.
  init(_ call: Call) {
    name = call.arguments.1
    arguments = AttributeArguments(
      value: call.arguments.2, size: call.arguments.3, flags: Int32(truncatingIfNeeded: call.arguments.4))
  }

  /// Of the newest forms, which have them in a structure.
  init(structureOf call: Call) throws(Errno) {
    let given = try call.readExtensible(xattr_args.self, at: call.arguments.4, size: call.arguments.5)
    name = call.arguments.3
    arguments = AttributeArguments(
      value: given.value, size: UInt64(given.size), flags: Int32(bitPattern: given.flags))
  }

  init(name: UInt64) { self.name = name }

  /// The name comes before the file in all forms (fs/xattr.c).
  func named(_ call: Call) throws(Errno) -> AttributeArguments {
    var arguments = arguments
    arguments.name = try readName(call)
    return arguments
  }

  /// xattr(7): a name is a namespace, a dot, and at most 255 bytes in all.
  private func readName(_ call: Call) throws(Errno) -> [CChar] {
    let bytes: UnsafeBufferPointer<UInt8>
    do throws(Errno) {
      bytes = try call.path(at: name, slot: 1)
    } catch {
      throw error == .fileNameTooLong ? .outOfRange : error
    }
    guard bytes.count > 0, bytes.count <= 255 else { throw .outOfRange }
    return bytes.map { CChar(bitPattern: $0) } + [0]
  }
}

/// What a call on extended attributes is about.
enum AttributeTarget {
  case file(DentryID)
  case descriptor(Int32)
  /// By a magic link.
  case object(OpenObject)

  static func openFile(_ call: Call) -> Self {
    .descriptor(Int32(truncatingIfNeeded: call.arguments.0))
  }

  /// Of fsetxattr and fgetxattr, for which AT_FDCWD is the current directory (path_setxattrat of fs/xattr.c, since Linux 6.13).
  static func fileOrDirectory(_ call: Call) throws(Errno) -> Self {
    Int32(truncatingIfNeeded: call.arguments.0) == AT_FDCWD ? .file(try call.workingDirectory()) : openFile(call)
  }

  static func path(_ call: Call) throws(Errno) -> Self {
    try found(call, atCurrentDirectory, try call.path(at: call.arguments.0), [])
  }

  static func link(_ call: Call) throws(Errno) -> Self {
    try found(call, atCurrentDirectory, try call.path(at: call.arguments.0), .noFollow)
  }

  /// The target of the forms that have a directory, a path and AT_ flags.
  static func at(_ call: Call) throws(Errno) -> Self {
    let flags = Int32(truncatingIfNeeded: call.arguments.2)
    // With AT_EMPTY_PATH no path is the empty path.
    let path =
      flags & AT_EMPTY_PATH_ != 0 && call.arguments.1 == 0
      ? UnsafeBufferPointer(start: nil, count: 0) : try call.path(at: call.arguments.1)
    if path.count == 0, flags & AT_EMPTY_PATH_ != 0, Int32(truncatingIfNeeded: call.arguments.0) != AT_FDCWD {
      return openFile(call)
    }
    return try found(call, call.arguments.0, path, WalkOptions(atFlags: flags))
  }

  private static func found(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ options: WalkOptions
  ) throws(Errno) -> Self {
    let walk = try call.walk(directory, path, options)
    if let open = walk.openFile { return .object(open) }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    return .file(dentry)
  }

  /// Calls `body` with its name and, if the host knows its file by no name any more, its open file; `foreign` with what is
  /// none of the tree's.
  func with(
    _ call: Call,
    _ body: (DentryID, FileDescriptor?) throws(Errno) -> Outcome,
    foreign: (FileDescriptor?) throws(Errno) -> Outcome
  ) throws(Errno) -> Outcome {
    let object: OpenObject
    let dentry: DentryID?
    switch self {
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
}

extension AttributeArguments {
  /// xattr(7): these namespaces need a capability that no guest has.
  var isPrivileged: Bool { isOf("trusted.") || isOf("security.") }

  func isOf(_ namespace: String) -> Bool { name.lazy.map { UInt8(bitPattern: $0) }.starts(with: namespace.utf8) }

  /// Whether the guest may know of the attribute.
  var isVisible: Bool { Self.isVisible(name) }

  /// Whether the guest may know of the attribute: what overlayfs' format keeps in a layer is not the guest's.
  static func isVisible(_ name: [CChar]) -> Bool {
    let bytes = name.map { UInt8(bitPattern: $0) }
    return bytes.starts(with: "user.".utf8) && !bytes.starts(with: "user.overlay.".utf8)
  }
}

extension Syscalls {
  /// The AT_ flags of the newest forms.
  static func requireAttributeFlags(_ call: Call) throws(Errno) {
    let flags = Int32(truncatingIfNeeded: call.arguments.2)
    guard flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH_) == 0 else { throw .invalidArgument }
  }

  static func mayHaveAttributes(_ inode: UnsafeMutablePointer<Inode>) -> Bool {
    inode.pointee.kind == .regular || inode.pointee.kind == .directory
  }

  /// What a call gives back of a value or a list.
  static func answerAttribute(
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

  static func makeAttributesChangeable(
    _ call: Call, _ dentry: DentryID, _ arguments: AttributeArguments
  ) throws(Errno) -> (any BlockingWork)? {
    let inode = call.files.nodes.inode(of: dentry)
    guard arguments.isVisible else {
      if arguments.isPrivileged { throw .notPermitted }
      if !arguments.isOf("system.") { try call.require(.write, inode) }
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

  static func changeAttributes(
    _ call: Call, _ dentry: DentryID, _ open: FileDescriptor?,
    _ body: (FileDescriptor, UnsafePointer<CChar>) throws(Errno) -> Void
  ) throws(Errno) {
    let done: Void? = try call.files.withPlace(of: dentry, open: open, above: body) { _, _ throws(Errno) in
      throw .notSupported
    }
    guard done != nil else { throw .notSupported }
  }
}
