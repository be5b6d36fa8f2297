import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func getxattr(_ call: Call) throws(Errno) -> Outcome { try get(call, []) }
  @Sendable static func lgetxattr(_ call: Call) throws(Errno) -> Outcome { try get(call, .noFollow) }
  @Sendable static func listxattr(_ call: Call) throws(Errno) -> Outcome { try list(call, []) }
  @Sendable static func llistxattr(_ call: Call) throws(Errno) -> Outcome { try list(call, .noFollow) }
  @Sendable static func setxattr(_ call: Call) throws(Errno) -> Outcome { try set(call, []) }
  @Sendable static func lsetxattr(_ call: Call) throws(Errno) -> Outcome { try set(call, .noFollow) }
  @Sendable static func removexattr(_ call: Call) throws(Errno) -> Outcome { try remove(call, []) }
  @Sendable static func lremovexattr(_ call: Call) throws(Errno) -> Outcome { try remove(call, .noFollow) }

  @Sendable static func fsetxattr(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    guard let dentry = try call.changeable(descriptor) else { throw .notPermitted }
    return try call.withNameless(dentry, descriptor) { open throws(Errno) in try set(call, dentry, open) }
  }

  @Sendable static func fremovexattr(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    guard let dentry = try call.changeable(descriptor) else { throw .notPermitted }
    return try call.withNameless(dentry, descriptor) { open throws(Errno) in try remove(call, dentry, open) }
  }

  @Sendable static func fgetxattr(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    guard let dentry = try call.changeable(descriptor) else { throw .noData }
    return try call.withNameless(dentry, descriptor) { open throws(Errno) in try get(call, dentry, open) }
  }

  @Sendable static func flistxattr(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    guard let dentry = try call.changeable(descriptor) else { return .value(0) }
    return try call.withNameless(dentry, descriptor) { open throws(Errno) in try list(call, dentry, open) }
  }

  private static func target(_ call: Call, _ options: WalkOptions) throws(Errno) -> DentryID {
    let walk = try call.walk(atCurrentDirectory, try call.path(at: call.arguments.0), options)
    guard walk.openFile == nil else { throw .notSupported }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    return dentry
  }

  /// xattr(7): a name is a namespace, a dot, and at most 255 bytes in all.
  private static func name(_ call: Call) throws(Errno) -> [CChar] {
    let bytes: UnsafeBufferPointer<UInt8>
    do throws(Errno) {
      bytes = try call.path(at: call.arguments.1, slot: 1)
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

  private static func get(_ call: Call, _ options: WalkOptions) throws(Errno) -> Outcome {
    try get(call, try target(call, options))
  }

  private static func get(
    _ call: Call, _ dentry: DentryID, _ open: FileDescriptor? = nil
  ) throws(Errno) -> Outcome {
    let name = try name(call)
    let inode = call.files.inode(of: dentry)
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
    let size = Int(min(call.arguments.3, 65536))
    return try answer(call, size: size) { buffer throws(Errno) in
      let count: Int? = try call.files.withPlace(of: dentry, open: open) { root, path throws(Errno) in
        try call.kernel.host.getAttribute(root, path, name, into: buffer)
      } below: { tree, path throws(Errno) in
        try tree.getAttribute(path, name, into: buffer)
      }
      guard let count else { throw .noData }
      return count
    }
  }

  private static func list(_ call: Call, _ options: WalkOptions) throws(Errno) -> Outcome {
    try list(call, try target(call, options))
  }

  private static func list(
    _ call: Call, _ dentry: DentryID, _ open: FileDescriptor? = nil
  ) throws(Errno) -> Outcome {
    // Only regular files and directories have user.* attributes, and to ask the host for a link's would follow it.
    guard mayHaveAttributes(call.files.inode(of: dentry)) else { return .value(0) }
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
    let size = Int(min(call.arguments.2, 65536))
    if size == 0 { return .value(Int64(bytes.count)) }
    guard bytes.count <= size else { throw .outOfRange }
    var failure: Errno?
    bytes.withUnsafeBytes { raw in
      do throws(Errno) { try call.write(raw, at: call.arguments.1) } catch { failure = error }
    }
    if let failure { throw failure }
    return .value(Int64(bytes.count))
  }

  private static func answer(
    _ call: Call, size: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Errno) -> Int
  ) throws(Errno) -> Outcome {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 0), alignment: 8)
    defer { buffer.deallocate() }
    let count = try body(buffer)
    if size > 0 {
      try call.write(
        UnsafeRawBufferPointer(UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(count))), at: call.arguments.2)
    }
    return .value(Int64(count))
  }

  private static func set(_ call: Call, _ options: WalkOptions) throws(Errno) -> Outcome {
    try set(call, try target(call, options))
  }

  private static func set(
    _ call: Call, _ dentry: DentryID, _ open: FileDescriptor? = nil
  ) throws(Errno) -> Outcome {
    let flags = Int32(truncatingIfNeeded: call.arguments.4)
    guard flags & ~3 == 0 else { throw .invalidArgument }
    let name = try name(call)
    guard call.arguments.3 <= 65536 else { throw .init(rawValue: E2BIG) }
    let size = Int(call.arguments.3)
    let value = try call.readBytes(at: call.arguments.2, count: size)
    if let work = try makeChangeable(call, dentry, name) { return .blocked(on: work) }
    try change(call, dentry, open) { root, path throws(Errno) in
      var failure: Errno?
      value.withUnsafeBytes { bytes in
        do throws(Errno) {
          try call.kernel.host.setAttribute(root, path, name, bytes, flags: flags)
        } catch { failure = error }
      }
      if let failure { throw failure }
    }
    return .value(0)
  }

  private static func remove(_ call: Call, _ options: WalkOptions) throws(Errno) -> Outcome {
    try remove(call, try target(call, options))
  }

  private static func remove(
    _ call: Call, _ dentry: DentryID, _ open: FileDescriptor? = nil
  ) throws(Errno) -> Outcome {
    let name = try name(call)
    if let work = try makeChangeable(call, dentry, name) { return .blocked(on: work) }
    try change(call, dentry, open) { root, path throws(Errno) in
      try call.kernel.host.removeAttribute(root, path, name)
    }
    return .value(0)
  }

  private static func makeChangeable(
    _ call: Call, _ dentry: DentryID, _ name: [CChar]
  ) throws(Errno) -> (any BlockingWork)? {
    let inode = call.files.inode(of: dentry)
    guard isVisible(name) else {
      let bytes = name.map { UInt8(bitPattern: $0) }
      // xattr(7): these namespaces need a capability that no guest has.
      if bytes.starts(with: "trusted.".utf8) || bytes.starts(with: "security.".utf8) { throw .notPermitted }
      if !bytes.starts(with: "system.".utf8) { try call.require(.write, inode) }
      throw .notSupported
    }
    try call.requireChangeable(inode)
    guard mayHaveAttributes(inode) else { throw .notPermitted }
    try call.require(.write, inode)
    return try call.files.copyUp(dentry)
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
