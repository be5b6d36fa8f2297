import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  /// Whatever address a racing thread writes afterwards: in the guest's network namespace there is only the guest's loopback, and
  /// a path leads into the skeleton.
  @Sendable static func bind(_ call: Call) throws(Errno) -> Outcome {
    guard let path = try unixPath(call) else { return .continue }
    let walk = try path.withUnsafeBufferPointer { bytes throws(Errno) in
      try call.walk(atCurrentDirectory, bytes, [.noFollow, .materialise])
    }
    guard walk.last == .name else { throw .addressInUse }
    let files = call.files
    if walk.dentry != .none {
      if files.dentries[walk.dentry].pointee.inode != .none { throw .addressInUse }
      if files.dentries[walk.dentry].pointee.flags.contains(.blocked) { throw .permissionDenied }
    }
    try call.require([.write, .execute], files.inode(of: walk.parent))
    let name = Array(path.suffix(from: (path.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1))
    guard !name.isEmpty else { throw .noSuchFileOrDirectory }
    try name.withUnsafeBufferPointer { bytes throws(Errno) in
      try files.expectSocket(bytes, in: walk.parent, existing: walk.dentry)
    }
    return .continue
  }

  @Sendable static func connect(_ call: Call) throws(Errno) -> Outcome {
    guard let path = try unixPath(call) else { return .continue }
    let walk = try path.withUnsafeBufferPointer { bytes throws(Errno) in
      try call.walk(atCurrentDirectory, bytes, .materialise)
    }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    let inode = call.files.inode(of: dentry)
    try call.require(.write, inode)
    // A socket of a lower layer has no one listening.
    guard inode.pointee.kind == .socket, call.files.dentries[dentry].pointee.flags.contains(.inSkeleton) else {
      throw .connectionRefused
    }
    return .continue
  }

  /// The path of an AF_UNIX address, or nil for any other: an abstract or unnamed one, another family.
  private static func unixPath(_ call: Call) throws(Errno) -> [UInt8]? {
    let length = Int(UInt32(truncatingIfNeeded: call.arguments.2))
    // unix(7): the family, and a path of at most 108 bytes.
    guard length > 2, length <= MemoryLayout<sockaddr_un>.size else { return nil }
    let bytes = try call.readBytes(at: call.arguments.1, count: length)
    guard UInt16(bytes[0]) | UInt16(bytes[1]) << 8 == UInt16(AF_UNIX), bytes[2] != 0 else { return nil }
    return Array(bytes[2...].prefix { $0 != 0 })
  }
}

extension FileTree {
  /// A bind(2) is let through that may make a socket of this name in the skeleton.
  func expectSocket(
    _ name: UnsafeBufferPointer<UInt8>, in parent: DentryID, existing: DentryID
  ) throws(Errno) {
    let directory = directory(of: parent)
    try materialise(parent)
    var dentry = existing
    if dentry == .none {
      dentry = dentries.insert(parent, name)
      negativeCount += 1
      remember(negative: dentry, in: parent)
    }
    if !dentries[dentry].pointee.flags.contains(.maybeSocket) {
      // What a lost race or a failed bind has left there is not in the tree.
      try buildPath(of: dentry, into: &path)
      try? skeleton.remove(path.cString)
      directory.expectedSockets.append(dentry) {
        dentries[$0].pointee.parent == parent && dentries[$0].pointee.flags.contains(.maybeSocket)
      }
      dentries[dentry].pointee.flags.insert(.maybeSocket)
    }
  }
}
