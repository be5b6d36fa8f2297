/// What `no_proxy` says: hosts that are reached without a proxy.
///
/// Between commas or spaces: `*` for all, a name for itself and all names below it, with a dot before it or without, an address, or a block of
/// addresses; each but a block may have a port. What is none of these is for nobody.
public struct ProxyExceptions: Hashable, Sendable {
  private struct Entry: Hashable {
    let host: HostPattern
    let port: UInt16?
  }

  private let entries: [Entry]

  public init(_ text: String) {
    entries = text.split { $0 == "," || $0.isWhitespace }.compactMap { Self.entry($0) }
  }

  private static func entry(_ text: Substring) -> Entry? {
    var host = text
    var port: UInt16?
    let isAddress = IPAddress(String(text)) != nil || text.contains("/")
    if !isAddress, !text.hasSuffix("]"), let colon = text.lastIndex(of: ":") {
      guard let range = try? PortRange(text[text.index(after: colon)...]), range.first == range.last else { return nil }
      port = range.first
      host = text[..<colon]
    }
    while host.hasPrefix("*.") || host.hasPrefix(".") { host = host.dropFirst(host.hasPrefix("*") ? 2 : 1) }
    return (try? HostPattern(host)).map { Entry(host: $0, port: port) }
  }

  /// Whether a host is one of them.
  /// - Parameter port: nil where it is not known: then those count that are for every port.
  public func contains(_ domain: Domain, port: UInt16?) -> Bool {
    entries.contains { entry in
      guard entry.port == nil || entry.port == port else { return false }
      switch entry.host {
      case .any: return true
      case .name(let name), .below(let name): return domain.name?.isWithin(name) ?? false
      case .addresses(let block):
        return domain.address.map { block.contains($0) || $0.embeddedIPv4.map(block.contains) ?? false } ?? false
      }
    }
  }
}
