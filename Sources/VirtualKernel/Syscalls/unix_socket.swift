import CLinux
import Glibc
import SystemPackage
import Tracing

extension Syscalls {
  /// A path is bound for the caller: its name is there, with its times, when the call returns. What is let through can make no name that
  /// the tree knows: whatever address a racing thread writes afterwards, in the guest's network namespace there is only the guest's loopback,
  /// and a path leads into the skeleton.
  @Sendable static func bind(_ call: Call) throws(Errno) -> Outcome {
    let socket = try call.kernel.descriptors.duplicate(
      Int32(truncatingIfNeeded: call.arguments.0), of: call.thread.group)
    defer { call.kernel.descriptors.release(socket) }
    let family = try call.kernel.descriptors.domain(of: socket)
    let address = try address(call)
    guard family == AF_UNIX, let path = unixPath(address) else { return letThrough(call, .bind, address) }
    let walk = try path.withUnsafeBufferPointer { bytes throws(Errno) in
      try call.walk(atCurrentDirectory, bytes, [.parent, .materialise])
    }
    do throws(Errno) {
      try call.files.makeSocket(walk, call, socket, at: path)
    } catch {
      throw error == .fileExists ? .addressInUse : error
    }
    record(call, .bind, address)
    return .value(0)
  }

  @Sendable static func connect(_ call: Call) throws(Errno) -> Outcome {
    // Linux looks at the descriptor first, and at a path only for a local socket.
    let family: Int32
    let isStream: Bool
    do throws(Errno) { (family, isStream) = try kind(call) } catch {
      // Other than bind(2), which finds the socket first, connect(2) reads the address of what is no socket, too (net/socket.c).
      if error.rawValue == ENOTSOCK { try requireAddress(call) }
      throw error
    }
    let address = try address(call)
    guard family == AF_UNIX, let path = unixPath(address) else {
      if family == AF_INET || family == AF_INET6 {
        call.kernel.network?.willDial(call.thread.group.number, address, isStream: isStream)
      }
      return letThrough(call, .connect, address)
    }
    let walk = try path.withUnsafeBufferPointer { bytes throws(Errno) in
      try call.walk(atCurrentDirectory, bytes, .materialise)
    }
    guard walk.openFile == nil else { throw .connectionRefused }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    let inode = call.files.nodes.inode(of: dentry)
    try call.require(.write, inode)
    // A socket of a lower layer has no one listening.
    guard inode.pointee.kind == .socket, call.files.nodes[dentry].pointee.flags.contains(.inSkeleton) else {
      throw .connectionRefused
    }
    return letThrough(call, .connect, address)
  }

  /// The family of the socket, and whether it is of a stream, which is asked for where a network wants to know.
  private static func kind(_ call: Call) throws(Errno) -> (family: Int32, isStream: Bool) {
    let descriptors = call.kernel.descriptors
    let socket = try descriptors.duplicate(Int32(truncatingIfNeeded: call.arguments.0), of: call.thread.group)
    defer { descriptors.release(socket) }
    let family = try descriptors.domain(of: socket)
    return (family, call.kernel.network == nil ? false : try descriptors.isUnconnectedStream(socket))
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
    record(call, kind, address)
    return .continue
  }

  private static func record(_ call: Call, _ kind: EventKind, _ address: [UInt8]) {
    guard let recorder = call.kernel.recorder, !address.isEmpty else { return }
    let descriptor = UInt32(truncatingIfNeeded: call.arguments.0)
    address.withUnsafeBytes {
      recorder.append(Event(kind, pid: call.thread.group.number, node: 0, version: descriptor), $0)
    }
  }
}

extension FileTree {
  /// Makes the name that a socket of the guest's is bound to.
  /// - Parameter address: the path, as the guest gave it.
  func makeSocket(_ walk: WalkResult, _ call: Call, _ socket: FileDescriptor, at address: [UInt8]) throws(Errno) {
    // unix(7): the mode is the socket's own, as fchmod(2) may have set it, but for the umask.
    let mode = UInt32(try host.status(of: socket).st_mode) & 0o777 & ~(try call.umask())
    let start = address.first == UInt8(ascii: "/") ? try call.root() : try call.workingDirectory()
    try mirror.materialise(start)
    let bytes = address.map { CChar(bitPattern: $0) } + [0]
    try makeNode(walk, call, kind: .socket, mode: mode) { [self] dentry throws(Errno) in
      try mirror.bind(socket, at: dentry, from: start, to: bytes)
    }
  }
}
