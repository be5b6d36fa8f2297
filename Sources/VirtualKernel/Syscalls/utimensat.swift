import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func utimensat(_ call: Call) throws(Errno) -> Outcome {
    var times = nowTimes
    if call.arguments.2 != 0 { times = try call.read(TimePair.self, at: call.arguments.2) }
    // Nothing to do, and Linux does not even look at the path.
    if times.access.tv_nsec == UTIME_OMIT_, times.modification.tv_nsec == UTIME_OMIT_ { return .value(0) }
    let flags = Int32(truncatingIfNeeded: call.arguments.3)
    guard flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH_) == 0 else { throw .invalidArgument }
    // A null path means the descriptor itself: what futimens(3) is made of.
    if call.arguments.1 == 0 {
      guard flags == 0 else { throw .invalidArgument }
      let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
      guard descriptor != AT_FDCWD else { throw .badAddress }
      guard let target = try call.changeable(descriptor) else {
        return try setTimes(call, OpenObject(call.thread.id, .descriptor(descriptor)), times)
      }
      return try call.withNameless(target, OpenObject(call.thread.id, .descriptor(descriptor))) { open throws(Errno) in
        try setTimes(call, target, times, open: open)
      }
    }
    let path = try call.path(at: call.arguments.1)
    return try setTimes(call, call.arguments.0, path, times, WalkOptions(atFlags: flags))
  }

  @Sendable static func utime(_ call: Call) throws(Errno) -> Outcome {
    var times = nowTimes
    if call.arguments.1 != 0 {
      let given = try call.read((Int, Int).self, at: call.arguments.1)
      times = TimePair(
        access: timespec(tv_sec: given.0, tv_nsec: 0), modification: timespec(tv_sec: given.1, tv_nsec: 0))
    }
    let path = try call.path(at: call.arguments.0)
    return try setTimes(call, atCurrentDirectory, path, times, [])
  }

  @Sendable static func utimes(_ call: Call) throws(Errno) -> Outcome {
    let times = try microsecondTimes(call, call.arguments.1)
    let path = try call.path(at: call.arguments.0)
    return try setTimes(call, atCurrentDirectory, path, times, [])
  }

  @Sendable static func futimesat(_ call: Call) throws(Errno) -> Outcome {
    let times = try microsecondTimes(call, call.arguments.2)
    if call.arguments.1 == 0 {
      let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
      guard descriptor != AT_FDCWD else { throw .badAddress }
      guard let target = try call.changeable(descriptor) else {
        return try setTimes(call, OpenObject(call.thread.id, .descriptor(descriptor)), times)
      }
      return try call.withNameless(target, OpenObject(call.thread.id, .descriptor(descriptor))) { open throws(Errno) in
        try setTimes(call, target, times, open: open)
      }
    }
    let path = try call.path(at: call.arguments.1)
    return try setTimes(call, call.arguments.0, path, times, [])
  }

  private struct TimePair: BitwiseCopyable {
    var access: timespec
    var modification: timespec
  }

  private static var nowTimes: TimePair {
    let now = timespec(tv_sec: 0, tv_nsec: UTIME_NOW_)
    return TimePair(access: now, modification: now)
  }

  /// Linux asks for this after it has found the file (vfs_utimes of fs/utimes.c).
  private static func requireValid(_ times: TimePair) throws(Errno) {
    guard isValid(times.access), isValid(times.modification) else { throw .invalidArgument }
  }

  private static func isValid(_ time: timespec) -> Bool {
    time.tv_nsec == UTIME_NOW_ || time.tv_nsec == UTIME_OMIT_ || (0..<1_000_000_000).contains(time.tv_nsec)
  }

  private static func microsecondTimes(_ call: Call, _ address: UInt64) throws(Errno) -> TimePair {
    guard address != 0 else { return nowTimes }
    let given = try call.read((timeval, timeval).self, at: address)
    guard (0..<1_000_000).contains(given.0.tv_usec), (0..<1_000_000).contains(given.1.tv_usec) else {
      throw .invalidArgument
    }
    return TimePair(
      access: timespec(tv_sec: given.0.tv_sec, tv_nsec: given.0.tv_usec * 1000),
      modification: timespec(tv_sec: given.1.tv_sec, tv_nsec: given.1.tv_usec * 1000))
  }

  private static func setTimes(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ times: TimePair, _ options: WalkOptions
  ) throws(Errno) -> Outcome {
    let walk = try call.walk(directory, path, options)
    if let open = walk.openFile {
      guard let dentry = try call.dentry(of: open) else { return try setTimes(call, open, times) }
      return try call.withNameless(dentry, open) { file throws(Errno) in
        try setTimes(call, dentry, times, open: file)
      }
    }
    let dentry = try call.existing(walk)
    try call.files.load(dentry)
    return try setTimes(call, dentry, times)
  }

  private static func setTimes(_ call: Call, _ open: OpenObject, _ times: TimePair) throws(Errno) -> Outcome {
    try requireValid(times)
    return try call.changeForeign(open) { foreign throws(Errno) in
      try call.setTimes(of: foreign, access: times.access, modification: times.modification)
    }
  }

  private static func setTimes(
    _ call: Call, _ dentry: DentryID, _ times: TimePair, open: FileDescriptor? = nil
  ) throws(Errno) -> Outcome {
    try requireValid(times)
    let inode = call.files.nodes.inode(of: dentry)
    switch inode.pointee.backing {
    // touch(1) of a device does no harm and changes nothing that a guest can see.
    case .device, .skeleton: return .value(0)
    case .proc: throw .notPermitted
    default: break
    }
    let isNow = times.access.tv_nsec == UTIME_NOW_ && times.modification.tv_nsec == UTIME_NOW_
    if !call.owns(inode) {
      // utimensat(2): write permission is enough only to set both to the present.
      guard isNow else { throw .notPermitted }
      try call.require(.write, inode)
    }
    return outcome(
      try call.files.setTimes(dentry, access: times.access, modification: times.modification, open: open))
  }
}
