import CLinux
import Glibc
import SystemPackage
import Tracing

extension Syscalls {
  /// Whatever address a racing thread writes afterwards: in the guest's network namespace there is only the guest's loopback, and
  /// a path leads into the skeleton.
  @Sendable static func bind(_ call: Call) throws(Errno) -> Outcome {
    let family = try family(call)
    let address = try address(call)
    guard family == AF_UNIX, let path = unixPath(address) else { return letThrough(call, .bind, address) }
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
    return letThrough(call, .bind, address)
  }

  @Sendable static func connect(_ call: Call) throws(Errno) -> Outcome {
    let family: Int32
    do throws(Errno) { family = try self.family(call) } catch {
      // Other than bind(2), which finds the socket first, connect(2) reads the address of what is no socket, too (net/socket.c).
      if error.rawValue == ENOTSOCK { try requireAddress(call) }
      throw error
    }
    let address = try address(call)
    guard family == AF_UNIX, let path = unixPath(address) else { return letThrough(call, .connect, address) }
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
    return letThrough(call, .connect, address)
  }

  /// The family of the socket: Linux looks at the descriptor first, and at a path only for a local socket.
  private static func family(_ call: Call) throws(Errno) -> Int32 {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    return try call.kernel.descriptors.socketFamily(of: descriptor, of: call.thread.group)
  }

  /// move_addr_to_kernel() of net/socket.c.
  private static func requireAddress(_ call: Call) throws(Errno) {
    let length = Int32(truncatingIfNeeded: call.arguments.2)
    guard length >= 0, length <= MemoryLayout<sockaddr_storage>.size else { throw .invalidArgument }
    _ = try call.readBytes(at: call.arguments.1, count: Int(length))
  }

  /// The address of the call; empty if the kernel will refuse it.
  private static func address(_ call: Call) throws(Errno) -> [UInt8] {
    let length = Int(UInt32(truncatingIfNeeded: call.arguments.2))
    guard length >= 2, length <= MemoryLayout<sockaddr_storage>.size else { return [] }
    // Where no path can be, the kernel says what is wrong.
    if length > MemoryLayout<sockaddr_un>.size {
      return (try? call.readBytes(at: call.arguments.1, count: length)) ?? []
    }
    return try call.readBytes(at: call.arguments.1, count: length)
  }

  /// The path of an AF_UNIX address, or nil for any other: an abstract or unnamed one, another family.
  private static func unixPath(_ address: [UInt8]) -> [UInt8]? {
    // unix(7): the family, and a path of at most 108 bytes.
    guard address.count > 2, address.count <= MemoryLayout<sockaddr_un>.size,
      UInt16(address[0]) | UInt16(address[1]) << 8 == UInt16(AF_UNIX), address[2] != 0
    else { return nil }
    return Array(address[2...].prefix { $0 != 0 })
  }

  private static func letThrough(_ call: Call, _ kind: EventKind, _ address: [UInt8]) -> Outcome {
    if let recorder = call.kernel.recorder, !address.isEmpty {
      let descriptor = UInt32(truncatingIfNeeded: call.arguments.0)
      address.withUnsafeBytes {
        recorder.append(Event(kind, pid: call.thread.group.number, node: 0, version: descriptor), $0)
      }
    }
    return .continue
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
