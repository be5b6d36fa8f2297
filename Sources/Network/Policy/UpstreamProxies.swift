/// Which proxies connections go out by.
public struct UpstreamProxies: Hashable, Sendable {
  /// How a connection reaches its host.
  public enum Route: Hashable, Sendable {
    case direct
    /// The proxy makes a connection to it (CONNECT), whatever goes over that. Where it does not let that be, requests of HTTP's go to the second, which
    /// asks for what they name.
    case tunnel(UpstreamProxy, orRequests: UpstreamProxy?)
    /// Requests of HTTP's alone. Proxies often make connections to port 443 alone.
    case requests(UpstreamProxy)
  }

  private let http: UpstreamProxy?
  private let https: UpstreamProxy?
  private let exceptions: ProxyExceptions

  /// - Parameters:
  ///   - http: for requests in the clear.
  ///   - https: for all else.
  public init(
    http: UpstreamProxy? = nil, https: UpstreamProxy? = nil, exceptions: ProxyExceptions = ProxyExceptions("")
  ) {
    self.http = http
    self.https = https
    self.exceptions = exceptions
  }

  /// What goes over a connection is known when it is there only: of port 80 it is taken for HTTP in the clear.
  public func route(to domain: Domain, port: UInt16) -> Route {
    if exceptions.contains(domain, port: port) { return .direct }
    switch port {
    case 80: return http.map { .requests($0) } ?? .direct
    case 443: return https.map { .tunnel($0, orRequests: nil) } ?? .direct
    default: return (https ?? http).map { .tunnel($0, orRequests: http) } ?? .direct
    }
  }

  /// Whether it is a proxy that finds where a name leads.
  public func find(_ domain: Domain) -> Bool {
    (http != nil || https != nil) && !exceptions.contains(domain, port: nil)
  }
}
