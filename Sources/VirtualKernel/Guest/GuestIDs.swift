/// A thread id as the notifier reports it: in the pid namespace of the supervisor.
public struct AbsTid: Hashable, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// A thread group id (what user space calls a pid) in the pid namespace of the supervisor.
public struct AbsTgid: Hashable, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// The id of the group's leader.
  public var leader: AbsTid { AbsTid(rawValue: rawValue) }
}

/// A thread id as the guest sees it.
public struct NsTid: Hashable, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// A thread group id as the guest sees it: what its getpid(2) returns.
public struct NsTgid: Hashable, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }
}
