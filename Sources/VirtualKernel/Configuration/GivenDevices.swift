import SystemPackage

/// What the guest has of the host's devices, and what it was given open.
public struct GivenDevices {
  /// The host's /dev.
  public var directory: FileDescriptor
  public var terminal: InheritedTerminal?
  /// The user's files behind descriptors 0 to 2. The guest has the access to them that it was given, and gets no other.
  public var inherited: [HostIdentity]
  /// Whose group new pseudo-terminals have; nil for that of who opens them.
  public var terminalGroup: UInt32?

  public init(
    directory: FileDescriptor, terminal: InheritedTerminal?, inherited: [HostIdentity], terminalGroup: UInt32? = 5
  ) {
    self.directory = directory
    self.terminal = terminal
    self.inherited = inherited
    self.terminalGroup = terminalGroup
  }
}

/// The terminal that the run was started from, which the guest sees as /dev/console.
public struct InheritedTerminal {
  public var hostPath: String
  public var identity: HostIdentity
  /// st_rdev.
  public var device: UInt64

  public init(hostPath: String, identity: HostIdentity, device: UInt64) {
    self.hostPath = hostPath
    self.identity = identity
    self.device = device
  }
}
