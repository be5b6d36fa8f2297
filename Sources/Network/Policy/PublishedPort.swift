/// What `--publish [address:]port[:guest-port]` says: at which address of the host a server of the guest's is reached.
public struct PublishedPort: Hashable, Sendable, CustomStringConvertible {
  /// Of the host.
  public let endpoint: Endpoint
  public let guestPort: UInt16

  /// - Parameter text: `8080`, `8080:80`, `0.0.0.0:8080:80` or `[::]:8080`; without an address the host's loopback alone, without a second
  ///   port the same.
  public init(_ text: String) throws(NetworkOptionError) {
    var rest = text[...]
    var address = IPAddress.loopback4
    if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
      guard let given = IPAddress(String(rest[rest.index(after: rest.startIndex)..<end])), rest[end...].hasPrefix("]:")
      else {
        throw NetworkOptionError(text, "does not begin with an address: write [::1]:8080 or [::1]:8080:80")
      }
      address = given
      rest = rest[end...].dropFirst(2)
    } else if let dot = rest.firstIndex(of: "."), let colon = rest[dot...].firstIndex(of: ":") {
      guard let given = IPAddress(String(rest[..<colon])) else {
        throw NetworkOptionError(text, "does not begin with an address: write 127.0.0.1:8080 or 127.0.0.1:8080:80")
      }
      address = given
      rest = rest[rest.index(after: colon)...]
    }
    let ports = rest.split(separator: ":", omittingEmptySubsequences: false)
      .map { DecimalNumber.parse($0.utf8, limit: 65_535) ?? 0 }
    guard (1...2).contains(ports.count), ports.allSatisfy({ $0 > 0 }) else {
      throw NetworkOptionError(
        text, "is no port: write port, port:guest-port or address:port:guest-port, as 127.0.0.1:8080:80")
    }
    endpoint = Endpoint(address, port: UInt16(ports[0]))
    guestPort = UInt16(ports[ports.count - 1])
  }

  public var description: String { "\(endpoint):\(guestPort)" }
}
