/// What a guest may reach beside its own loopback.
public struct NetworkConfiguration: Sendable, Equatable {
  /// `host[:port]`, as `NetworkPolicy` reads them; nothing else can be reached.
  public var allowed: [String] = []
  /// Stronger than what is allowed.
  public var denied: [String] = []
  /// `host:port:address[,address]`: where a name leads, whatever the host's resolver says.
  public var resolutions: [String] = []
  /// `[address:]port[:guest-port]`: servers of the guest's that are reached from the host.
  public var published: [String] = []

  public init() {}
}
