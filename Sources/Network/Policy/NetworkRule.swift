/// What an `--allow` or a `--deny` is for.
public struct NetworkRule: Hashable, Sendable, CustomStringConvertible {
  public let host: HostPattern
  public let ports: PortRange
  /// As the user wrote it.
  public let description: String

  /// - Parameter text: `host`, `host:port` or `host:first-last`, where a host is a name, `*.example.org`, `*`, an IPv4 address, an IPv6
  ///   address in brackets, or a block as `10.0.0.0/8`.
  public init(_ text: String) throws(NetworkOptionError) {
    if text.contains("://") {
      throw NetworkOptionError(text, "is a URL: write the host alone, and a port after a colon")
    }
    var (host, ports) = (text[...], PortRange.any)
    if let colon = Self.portColon(text) {
      host = text[..<colon]
      ports = try PortRange(text[text.index(after: colon)...])
    }
    if host.isEmpty {
      throw NetworkOptionError(text, "names no host: write host:port, or *:port for any host")
    }
    if host == text[...], IPAddress(text)?.family == .ipv6 {
      throw NetworkOptionError(text, "may be an address or one with a port: write [\(text)] or [address]:port")
    }
    self.host = try HostPattern(host)
    self.ports = ports
    description = text
  }

  /// The colon before the port: after a bracket or a slash the first, else the only one.
  private static func portColon(_ text: String) -> String.Index? {
    let start = text.lastIndex { $0 == "]" || $0 == "/" } ?? text.startIndex
    let colons = text[start...].indices.filter { text[$0] == ":" }
    return colons.count == 1 || start > text.startIndex ? colons.first : nil
  }

  /// Whether the rule is for a domain, by its name or as an address.
  public func covers(_ domain: Domain, port: UInt16) -> Bool { refuses(domain, port: port) }

  /// Whether a `--deny` of this kind is for a domain. Of an IPv6 address that embeds one of IPv4, both count.
  func refuses(_ domain: Domain, port: UInt16) -> Bool {
    if let address = domain.address { return refuses(address, port: port) }
    return ports.contains(port) && (host == .any || names(domain))
  }

  func refuses(_ address: IPAddress, port: UInt16) -> Bool {
    guard ports.contains(port) else { return false }
    switch host {
    case .any: return true
    case .addresses(let block): return block.contains(address) || address.embeddedIPv4.map(block.contains) ?? false
    case .name, .below: return false
    }
  }

  /// Whether the rule is for a name and says so, not by `*`.
  func names(_ domain: Domain, port: UInt16) -> Bool { ports.contains(port) && names(domain) }

  private func names(_ domain: Domain) -> Bool {
    guard let name = domain.name else { return false }
    switch host {
    case .any, .addresses: return false
    case .name(let own): return own == name
    case .below(let own): return own != name && name.isWithin(own)
    }
  }

  /// Whether the rule is for an address and says so. A block that is wider than the special range in which the address lies does not: who
  /// writes 0.0.0.0/0 does not think of 169.254.169.254.
  func names(_ address: IPAddress, port: UInt16) -> Bool {
    guard ports.contains(port), case .addresses(let block) = host else { return false }
    return [address, address.embeddedIPv4].compactMap { $0 }
      .contains { block.contains($0) && block.length >= $0.specialRange?.length ?? 0 }
  }

  /// Whether this is `*`.
  func isForAll(port: UInt16) -> Bool { host == .any && ports.contains(port) }
}
