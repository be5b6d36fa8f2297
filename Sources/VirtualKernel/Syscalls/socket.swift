import Glibc
import SystemPackage

// What Linux says of a socket before it asks which families there are (net/socket.c). The arguments are registers.
extension Syscalls {
  @Sendable static func requireSocketType(_ call: Call) throws(Errno) {
    let family = UInt32(truncatingIfNeeded: call.arguments.0)
    try requireSocketFlags(call)
    try requireSocketType(call, family)
  }

  @Sendable static func requireSocketPair(_ call: Call) throws(Errno) {
    let family = UInt32(truncatingIfNeeded: call.arguments.0)
    try requireSocketFlags(call)
    // The numbers of the two descriptors are written before the sockets are made; here the place is only tried.
    let place = call.arguments.3
    try call.write(try call.read(UInt64.self, at: place), at: place)
    try requireSocketType(call, family)
    // The socket can be made where the call is native, a pair cannot.
    if family == netlink, call.arguments.2 == 0 { throw .notSupportedOnSocket }
  }

  private static func requireSocketFlags(_ call: Call) throws(Errno) {
    let type = Int32(truncatingIfNeeded: call.arguments.1)
    guard type & ~(0xf | SOCK_CLOEXEC_ | SOCK_NONBLOCK_) == 0 else { throw .invalidArgument }
  }

  private static func requireSocketType(_ call: Call, _ family: UInt32) throws(Errno) {
    let type = UInt32(truncatingIfNeeded: call.arguments.1) & 0xf
    // NPROTO, SOCK_MAX
    guard family < 46 else { throw .addressFamilyNotSupported }
    guard type < 11 else { throw .invalidArgument }
    // SOCK_DGRAM, SOCK_RAW
    if family == netlink, type != 2, type != 3 { throw .init(rawValue: ESOCKTNOSUPPORT) }
  }

  private static let netlink: UInt32 = 16
  private static let SOCK_CLOEXEC_: Int32 = 0x8_0000
  private static let SOCK_NONBLOCK_: Int32 = 0x800
}

extension Call {
  /// - Throws: `.badFileDescriptor` unless the first argument is an open descriptor that is not one of O_PATH.
  func requireOpen() throws(Errno) {
    let file = try kernel.descriptors.duplicate(Int32(truncatingIfNeeded: arguments.0), of: thread.group)
    defer { kernel.descriptors.release(file) }
    if try kernel.descriptors.flags(of: file) & O_PATH_ != 0 { throw .badFileDescriptor }
  }
}
