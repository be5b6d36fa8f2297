import Network

/// A connection of a guest's, over which it speaks HTTP.
public struct HTTPConnection: Sendable {
  public enum Scheme: String, Sendable {
    case http, https
  }

  public var domain: Domain
  public var scheme: Scheme
  /// That the guest dialled.
  public var port: UInt16
  /// As the trace's events have it.
  public var number: UInt32
  /// That asked for the connection; 0 if that is not known.
  public var process: UInt32
  /// Whether git may push over it.
  public var allowsPush: Bool

  public init(
    domain: Domain, scheme: Scheme = .http, port: UInt16, number: UInt32, process: UInt32, allowsPush: Bool = false
  ) {
    self.domain = domain
    self.scheme = scheme
    self.port = port
    self.number = number
    self.process = process
    self.allowsPush = allowsPush
  }

  /// Names a request on it, for the user.
  func name(of exchange: HTTPExchange) -> String {
    "\(exchange.method) \(scheme.rawValue)://\(domain.bracketed):\(port) \(exchange.target)"
  }

  /// That a request on it has no recorded answer, for the user.
  func miss(of exchange: HTTPExchange, _ reason: String) -> String {
    "\(name(of: exchange)) has no recorded answer: \(reason)"
  }
}
