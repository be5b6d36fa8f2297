import NIOCore
import NIOPosix
import Network
import SystemPackage

/// Why there is no connection by way of a proxy.
struct UpstreamFailure: Error {
  /// A clause for the user, with what to do.
  let reason: String
  /// Whether the proxy makes no connections of this kind, but may take requests.
  let isForbidden: Bool

  init(_ error: any Error, of proxy: UpstreamProxy) {
    let name = "the upstream proxy \(proxy)"
    var isForbidden = false
    switch error {
    case UpstreamTunnel.Failure.answered(407, _):
      reason = Self.unknownUser(proxy)
    case UpstreamTunnel.Failure.answered(let status, let line):
      isForbidden = [403, 405, 501].contains(status)
      reason = "\(name) answered \(line)"
    case UpstreamTunnel.Failure.ended: reason = "\(name) ended the connection without an answer"
    case UpstreamTunnel.Failure.noAnswer: reason = "\(name) did not answer"
    case is HTTPFailure: reason = "\(name) did not answer as one of HTTP does"
    case is NameResolver.Failure:
      reason = "the name of \(name) leads nowhere; --upstream-proxy none goes without"
    default:
      let errors = (error as? NIOConnectionError)?.connectionErrors.map(\.error) ?? [error]
      let code = errors.compactMap { ($0 as? IOError)?.errnoCode }.first
      let text = code.map { "\(Errno(rawValue: $0))" } ?? "it does not answer"
      reason = "\(name) cannot be reached: \(text); --upstream-proxy none goes without"
    }
    self.isForbidden = isForbidden
  }

  static func unknownUser(_ proxy: UpstreamProxy) -> String {
    "the upstream proxy \(proxy) asks who you are: the variable https_proxy or --upstream-proxy says it, as http://user:password@host:port"
  }
}
