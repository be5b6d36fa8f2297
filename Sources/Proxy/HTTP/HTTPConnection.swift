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

  public init(domain: Domain, scheme: Scheme = .http, port: UInt16, number: UInt32, process: UInt32) {
    self.domain = domain
    self.scheme = scheme
    self.port = port
    self.number = number
    self.process = process
  }

  /// That a request on it has no recorded answer, for the user.
  func miss(of exchange: HTTPExchange, _ reason: String) -> String {
    let place = "\(scheme.rawValue)://\(domain.bracketed):\(port)"
    return "\(exchange.method) \(place) \(exchange.target) has no recorded answer: \(reason)"
  }
}
