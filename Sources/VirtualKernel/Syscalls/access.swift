import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func access(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    return try access(call, atCurrentDirectory, path, Int32(truncatingIfNeeded: call.arguments.1), [])
  }

  @Sendable static func faccessat(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.1)
    return try access(call, call.arguments.0, path, Int32(truncatingIfNeeded: call.arguments.2), [])
  }

  @Sendable static func faccessat2(_ call: Call) throws(Errno) -> Outcome {
    let flags = Int32(truncatingIfNeeded: call.arguments.3)
    guard flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH_ | effectiveIDs) == 0 else { throw .invalidArgument }
    let path = try call.path(at: call.arguments.1)
    return try access(
      call, call.arguments.0, path, Int32(truncatingIfNeeded: call.arguments.2), WalkOptions(atFlags: flags),
      asEffective: flags & effectiveIDs != 0)
  }

  private static func access(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ mode: Int32, _ options: WalkOptions,
    asEffective: Bool = false
  ) throws(Errno) -> Outcome {
    guard mode & ~7 == 0 else { throw .invalidArgument }
    if !asEffective, !call.credentials.pointee.isOfRealIDs {
      // The whole walk is the real user's.
      let real = try call.kernel.processes.credentials.intern(call.credentials.pointee.ofRealIDs)
      let effective = call.files.credentials
      call.files.credentials = real
      defer { call.files.credentials = effective }
      return try check(call, directory, path, mode, options)
    }
    return try check(call, directory, path, mode, options)
  }

  private static func check(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ mode: Int32, _ options: WalkOptions
  ) throws(Errno) -> Outcome {
    let walk = try call.walk(directory, path, options)
    if let open = walk.openFile {
      let status = call.guestStatus(try call.status(of: open))
      if mode & X_OK != 0, status.st_mode & S_IFMT != S_IFDIR, status.st_mode & 0o111 == 0 { throw .permissionDenied }
      let isOfTree = try call.dentry(of: open) != nil
      if isOfTree || call.knowsOwner(of: status) { try call.require(Call.Access(rawValue: UInt16(mode)), status) }
      return .value(0)
    }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    call.files.events.record(.stat, dentry)
    try call.require(Call.Access(rawValue: UInt16(mode)), call.files.nodes.inode(of: dentry))
    if mode & W_OK != 0 { try call.files.lowerLayers.requireWritable(dentry) }
    return .value(0)
  }

  /// AT_EACCESS, which shares its number with AT_REMOVEDIR.
  private static let effectiveIDs: Int32 = 0x200
}
