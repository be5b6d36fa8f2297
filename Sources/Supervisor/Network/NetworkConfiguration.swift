/// What a guest may reach beside its own loopback.
public struct NetworkConfiguration: Sendable, Equatable {
  /// `host[:port]`, as `NetworkPolicy` reads them; nothing else can be reached.
  public var allowed: [String] = []
  /// Stronger than what is allowed.
  public var denied: [String] = []
  /// `host:port:address[,address]`: where a name leads, whatever the host's resolver says.
  public var resolutions: [String] = []
  /// `host[:port]`: whose TLS goes through as it is, and is not recorded.
  public var passthrough: [String] = []
  /// `host[:port]: Header: value`: what requests to a host get on their way. The guest does not see it, nor does the trace hold its value.
  public var injections: [String] = []
  /// Proxies by which connections go out, `http://[user:password@]host:port`: for requests in the clear, and for all else. The trace does not hold users and
  /// passwords.
  public var httpProxy: String?
  public var httpsProxy: String?
  /// Hosts that are reached without, as the variable `no_proxy` has them.
  public var noProxy = ""
  /// Whether git may push, over HTTP and by its own protocol.
  public var allowsPush = false
  /// A file of certificates in PEM that are trusted beside the host's.
  public var upstreamAuthority: String?
  /// The trace of the run whose network is answered again: then there is no other.
  public var recorded: String?
  /// What a replay asks for and the recorded run did not is no failure of the replay's.
  public var allowsMisses = false
  /// `[address:]port[:guest-port]`: servers of the guest's that are reached from the host.
  public var published: [String] = []

  public init() {}
}
