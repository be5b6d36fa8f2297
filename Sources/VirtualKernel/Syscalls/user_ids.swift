import SystemPackage

// setuid(2), setreuid(2), setresuid(2), setfsuid(2) and their readers; kernel/sys.c. User and group follow the same rules,
// but for the capability and for what a change of user does to capabilities.
extension Syscalls {
  /// The two kinds of id.
  private struct Kind: Sendable {
    let ids: WritableKeyPath<Credentials, Credentials.IDs> & Sendable
    let capability: Capabilities.Set
    let isUser: Bool
  }

  private static let user = Kind(ids: \.user, capability: .setUser, isUser: true)
  private static let group = Kind(ids: \.group, capability: .setGroup, isUser: false)

  @Sendable static func getuid(_ call: Call) throws(Errno) -> Outcome {
    .value(Int64(call.credentials.pointee.user.real))
  }
  @Sendable static func geteuid(_ call: Call) throws(Errno) -> Outcome {
    .value(Int64(call.credentials.pointee.user.effective))
  }
  @Sendable static func getgid(_ call: Call) throws(Errno) -> Outcome {
    .value(Int64(call.credentials.pointee.group.real))
  }
  @Sendable static func getegid(_ call: Call) throws(Errno) -> Outcome {
    .value(Int64(call.credentials.pointee.group.effective))
  }

  @Sendable static func getresuid(_ call: Call) throws(Errno) -> Outcome {
    try tell(call, call.credentials.pointee.user)
  }
  @Sendable static func getresgid(_ call: Call) throws(Errno) -> Outcome {
    try tell(call, call.credentials.pointee.group)
  }

  private static func tell(_ call: Call, _ ids: Credentials.IDs) throws(Errno) -> Outcome {
    try call.write(ids.real, at: call.arguments.0)
    try call.write(ids.effective, at: call.arguments.1)
    try call.write(ids.saved, at: call.arguments.2)
    return .value(0)
  }

  @Sendable static func setuid(_ call: Call) throws(Errno) -> Outcome { try set(call, user) }
  @Sendable static func setgid(_ call: Call) throws(Errno) -> Outcome { try set(call, group) }
  @Sendable static func setreuid(_ call: Call) throws(Errno) -> Outcome { try setBoth(call, user) }
  @Sendable static func setregid(_ call: Call) throws(Errno) -> Outcome { try setBoth(call, group) }
  @Sendable static func setresuid(_ call: Call) throws(Errno) -> Outcome { try setAll(call, user) }
  @Sendable static func setresgid(_ call: Call) throws(Errno) -> Outcome { try setAll(call, group) }

  private static func set(_ call: Call, _ kind: Kind) throws(Errno) -> Outcome {
    let id = UInt32(truncatingIfNeeded: call.arguments.0)
    guard id != .max else { throw .invalidArgument }
    return try change(call, kind) { ids, isPrivileged throws(Errno) in
      if isPrivileged {
        ids.real = id
        ids.saved = id
      } else if id != ids.real, id != ids.saved {
        throw .notPermitted
      }
      ids.effective = id
    }
  }

  private static func setBoth(_ call: Call, _ kind: Kind) throws(Errno) -> Outcome {
    let real = UInt32(truncatingIfNeeded: call.arguments.0)
    let effective = UInt32(truncatingIfNeeded: call.arguments.1)
    return try change(call, kind) { ids, isPrivileged throws(Errno) in
      let old = ids
      if real != .max {
        guard isPrivileged || real == old.real || real == old.effective else { throw .notPermitted }
        ids.real = real
      }
      if effective != .max {
        guard isPrivileged || old.contains(effective) else { throw .notPermitted }
        ids.effective = effective
      }
      if real != .max || (effective != .max && effective != old.real) { ids.saved = ids.effective }
    }
  }

  private static func setAll(_ call: Call, _ kind: Kind) throws(Errno) -> Outcome {
    let real = UInt32(truncatingIfNeeded: call.arguments.0)
    let effective = UInt32(truncatingIfNeeded: call.arguments.1)
    let saved = UInt32(truncatingIfNeeded: call.arguments.2)
    return try change(call, kind) { ids, isPrivileged throws(Errno) in
      let old = ids
      for id in [real, effective, saved] where id != .max && !isPrivileged && !old.contains(id) {
        throw .notPermitted
      }
      if real != .max { ids.real = real }
      if effective != .max { ids.effective = effective }
      if saved != .max { ids.saved = saved }
    }
  }

  private static func change(
    _ call: Call, _ kind: Kind, _ body: (inout Credentials.IDs, Bool) throws(Errno) -> Void
  ) throws(Errno) -> Outcome {
    var new = call.credentials.pointee
    let old = new[keyPath: kind.ids]
    var ids = old
    try body(&ids, new.has(kind.capability))
    ids.fileSystem = ids.effective
    new[keyPath: kind.ids] = ids
    if kind.isUser { new.didChangeUser(from: old) }
    try call.kernel.processes.setCredentials(new, of: call.thread)
    return .value(0)
  }

  /// setfsuid(2): tells the old id whether it changes it or not.
  @Sendable static func setfsuid(_ call: Call) throws(Errno) -> Outcome {
    var new = call.credentials.pointee
    let old = new.user.fileSystem
    let id = UInt32(truncatingIfNeeded: call.arguments.0)
    if id != .max, id != old, new.user.contains(id) || new.has(.setUser) {
      new.setFileSystemUser(id)
      try call.kernel.processes.setCredentials(new, of: call.thread)
    }
    return .value(Int64(old))
  }

  @Sendable static func setfsgid(_ call: Call) throws(Errno) -> Outcome {
    var new = call.credentials.pointee
    let old = new.group.fileSystem
    let id = UInt32(truncatingIfNeeded: call.arguments.0)
    if id != .max, id != old, new.group.contains(id) || new.has(.setGroup) {
      new.group.fileSystem = id
      try call.kernel.processes.setCredentials(new, of: call.thread)
    }
    return .value(Int64(old))
  }

  @Sendable static func getgroups(_ call: Call) throws(Errno) -> Outcome {
    let size = Int32(truncatingIfNeeded: call.arguments.0)
    let groups = call.credentials.pointee.groups
    guard size >= 0, size == 0 || Int(size) >= groups.count else { throw .invalidArgument }
    if size > 0 { try call.write(contentsOf: groups, at: call.arguments.1) }
    return .value(Int64(groups.count))
  }

  @Sendable static func setgroups(_ call: Call) throws(Errno) -> Outcome {
    let count = UInt32(truncatingIfNeeded: call.arguments.0)
    var new = call.credentials.pointee
    guard new.has(.setGroup) else { throw .notPermitted }
    // NGROUPS_MAX
    guard count <= 65536 else { throw .invalidArgument }
    let bytes = try call.readBytes(at: call.arguments.1, count: Int(count) * 4)
    let groups = bytes.withUnsafeBytes { raw in
      (0..<Int(count)).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self) }
    }
    guard !groups.contains(.max) else { throw .invalidArgument }
    new.groups = groups.sorted()
    try call.kernel.processes.setCredentials(new, of: call.thread)
    return .value(0)
  }
}
