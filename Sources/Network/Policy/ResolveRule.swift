/// What a `--resolve host:port:address[,address]` says: at which addresses a host is, instead of asking for its name.
public struct ResolveRule: Hashable, Sendable {
  public let host: Domain
  /// Nil for any port.
  public let port: UInt16?
  /// At least one.
  public let addresses: [IPAddress]

  /// - Parameter text: `host:port:address[,address]`; the port may be `*`, an IPv6 address has brackets (those of the addresses may be left
  ///   out, as with curl's option).
  public init(_ text: String) throws(NetworkOptionError) {
    let hostEnd = text.hasPrefix("[") ? text.firstIndex(of: "]").map(text.index(after:)) : text.firstIndex(of: ":")
    let parts = hostEnd.map {
      [text[..<$0]] + text[$0...].dropFirst().split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    }
    guard let parts, parts.count == 3, text[parts[0].endIndex] == ":" else {
      throw NetworkOptionError(
        text, "has not three parts: write host:port:address, for example example.org:443:127.0.0.1")
    }
    switch try HostPattern(parts[0]) {
    case .name(let name): host = Domain(name: name)!
    case .addresses(let block) where block.length == block.address.width: host = Domain(address: block.address)
    default: throw NetworkOptionError(text, "is for more than one host: write one name or address before the port")
    }
    if parts[1] == "*" {
      port = nil
    } else {
      let range = try PortRange(parts[1])
      guard range.first == range.last else {
        throw NetworkOptionError(text, "has more than one port: write one, or * for any")
      }
      port = range.first
    }
    var addresses: [IPAddress] = []
    for part in parts[2].split(separator: ",", omittingEmptySubsequences: false) {
      let isBracketed = part.hasPrefix("[") && part.hasSuffix("]") && part.contains(":")
      guard let address = IPAddress(isBracketed ? part.dropFirst().dropLast() : part) else {
        throw NetworkOptionError(
          part, "is no address: write those of \(parts[0]) with commas between, 192.0.2.1,[2001:db8::1]")
      }
      addresses.append(address.unmapped)
    }
    self.addresses = addresses
  }

  func isFor(_ domain: Domain, port: UInt16) -> Bool { domain == host && self.port ?? port == port }
}
