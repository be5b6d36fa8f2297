/// To which hosts a guest may connect.
///
/// Two checks: `decision` when it connects, by the name or the address that it dialled; `permits` for each address at which the upstream is
/// said to be, since whoever owns a name decides where it leads (DNS rebinding).
public struct NetworkPolicy: Hashable, Sendable {
  /// Whether a connection may be made, and if not, what is to be told.
  public enum Decision: Hashable, Sendable {
    case allowed
    /// Nothing allows it.
    /// - hint: the option that would, ready for a shell: `--allow example.org:443`.
    case refused(hint: String)
    /// A `--deny` is for it, whatever else is allowed.
    case denied(by: NetworkRule)
  }

  /// What `--allow` and `--deny` give, in any order.
  public var allow: [NetworkRule]
  public var deny: [NetworkRule]
  /// What `--resolve` gives, in the order given.
  public var resolve: [ResolveRule]

  /// Without rules nothing is allowed.
  public init(allow: [NetworkRule] = [], deny: [NetworkRule] = [], resolve: [ResolveRule] = []) {
    self.allow = allow
    self.deny = deny
    self.resolve = resolve
  }

  /// Whether a guest may connect to a domain.
  ///
  /// `*` is for names and for addresses of the Internet. Loopback, link-local, metadata, site, multicast, unspecified and reserved addresses
  /// (``AddressScope``) must be named themselves, or by a block within their range.
  public func decision(domain: Domain, port: UInt16) -> Decision {
    if let rule = deny.first(where: { $0.refuses(domain, port: port) }) { return .denied(by: rule) }
    let isAllowed =
      if let address = domain.address {
        names(address, port: port) || address.scope == .global && isForAll(port: port)
      } else {
        allow.contains { $0.names(domain, port: port) } || isForAll(port: port)
      }
    return isAllowed ? .allowed : .refused(hint: Self.hint(domain, port: port))
  }

  /// Whether any port of a domain may be reached: then its name may be looked up.
  public func permitsLookup(of domain: Domain) -> Bool {
    // Where the answer changes.
    let ports = [1] + allow.map(\.ports.first) + deny.map { $0.ports.last &+ 1 }
    return ports.contains { $0 > 0 && decision(domain: domain, port: $0) == .allowed }
  }

  /// Whether a connection to a domain that `decision` allows may go to an address.
  ///
  /// A global address may be any name's. An address of a site may be that of a name which a rule names, but not of one which only `*` is
  /// for. Any other must be named by a rule itself, given by `--resolve`, or what the guest has dialled.
  /// - Parameter address: one that a resolver or a `--resolve` gave for the domain, or the domain itself.
  public func permits(upstream address: IPAddress, for domain: Domain, port: UInt16) -> Decision {
    if let rule = deny.first(where: { $0.refuses(address.unmapped, port: port) }) { return .denied(by: rule) }
    let address = address.unmapped
    if domain.address == address { return decision(domain: domain, port: port) }
    let isAllowed =
      switch address.scope {
      case .global: true
      case .site: allow.contains { $0.names(domain, port: port) }
      case .loopback, .linkLocal, .metadata, .multicast, .unspecified, .reserved: false
      }
    if isAllowed || names(address, port: port) || addresses(of: domain, port: port)?.contains(address) ?? false {
      return .allowed
    }
    return .refused(hint: Self.hint(Domain(address: address), port: port))
  }

  /// The addresses that `--resolve` gives for a host; of more than one option for it the last counts.
  public func addresses(of domain: Domain, port: UInt16) -> [IPAddress]? {
    resolve.last { $0.isFor(domain, port: port) }?.addresses
  }

  private func names(_ address: IPAddress, port: UInt16) -> Bool { allow.contains { $0.names(address, port: port) } }

  private func isForAll(port: UInt16) -> Bool { allow.contains { $0.isForAll(port: port) } }

  private static func hint(_ domain: Domain, port: UInt16) -> String {
    let rule = "\(domain.bracketed):\(port)"
    // A shell would take brackets for a pattern, and no rule names a host with odd bytes.
    if domain.address?.family == .ipv6 { return "--allow '\(rule)'" }
    return (try? NetworkRule(rule)) == nil ? "--allow '*:\(port)'" : "--allow \(rule)"
  }
}
