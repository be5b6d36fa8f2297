/// Which address each domain has in the guest's network, so that a connection says for which name it is.
///
/// Addresses come from a digest of the name, so they do not depend on what was asked for before; of two names whose digests meet (with
/// 1,000 names in three of a hundred tables) the later gets the next free address. A domain that is itself an address keeps that.
public struct DomainTable: Sendable {
  /// The networks 127.0.1 to 127.255.254, less their first and last addresses, which some programs take for a network and a broadcast.
  private static let networks: UInt64 = 0xffff - 1
  private static let hosts: UInt64 = 254
  /// fd00:3::/64.
  private static let network6: UInt64 = 0xfd00_0003_0000_0000

  /// The most names that there can be.
  public let capacity: Int
  private var addresses: [Domain: DomainAddresses] = [:]
  private var domains: [IPAddress: Domain] = [:]

  /// - Parameter capacity: 65,536 names take about 20 MB.
  public init(capacity: Int = 65_536) { self.capacity = capacity }

  /// How many names have addresses.
  public var count: Int { addresses.count }

  /// Whether an address is one that the table gives to names.
  public static func isReserved(_ address: IPAddress) -> Bool {
    guard let number = address.ipv4 else { return address.high == network6 }
    let (network, host) = (number >> 8 & 0xffff, number & 255)
    return number >> 24 == 127 && (1...0xfffe).contains(network) && (1...254).contains(host)
  }

  private static func ipv4(_ index: UInt64) -> IPAddress {
    let index = index % (networks * hosts)
    return IPAddress(ipv4: 127 << 24 | UInt32(index / hosts + 1) << 8 | UInt32(index % hosts + 1))
  }

  private static func ipv6(_ index: UInt64) -> IPAddress {
    // Without the last one too, so that there are as many indices as addresses.
    IPAddress(ipv6High: network6, low: index % (UInt64.max - 1) + 1)
  }

  /// The addresses of a domain, if it has some.
  public subscript(domain: Domain) -> DomainAddresses? {
    guard let address = domain.address else { return addresses[domain] }
    return DomainAddresses(
      ipv4: address.family == .ipv4 ? address : nil, ipv6: address.family == .ipv6 ? address : nil)
  }

  /// The addresses of a domain, which it gets now if it has none.
  /// - Returns: nil if the table is full.
  public mutating func assign(_ domain: Domain) -> DomainAddresses? {
    if let known = self[domain] { return known }
    guard addresses.count < capacity else { return nil }
    let (first, second) = NameDigest.numbers(domain.directoryName)
    guard let ipv4 = free(from: first, Self.ipv4), let ipv6 = free(from: second, Self.ipv6) else { return nil }
    let result = DomainAddresses(ipv4: ipv4, ipv6: ipv6)
    enter(domain, result)
    return result
  }

  private func free(from start: UInt64, _ address: (UInt64) -> IPAddress) -> IPAddress? {
    // There are always more addresses than entries, unless the capacity says otherwise.
    for step in 0...UInt64(domains.count) {
      let candidate = address(start &+ step)
      if domains[candidate] == nil { return candidate }
    }
    return nil
  }

  private mutating func enter(_ domain: Domain, _ new: DomainAddresses) {
    addresses[domain] = new
    if let address = new.ipv4 { domains[address] = domain }
    if let address = new.ipv6 { domains[address] = domain }
  }

  /// The domain that a guest means which has dialled an address: a name's if the address is one that the table gives, or else the address
  /// itself.
  /// - Returns: nil if no name has the address, and for the guest's own loopback addresses.
  public func domain(at address: IPAddress) -> Domain? {
    let address = address.unmapped
    if Self.isReserved(address) { return domains[address] }
    return address.scope == .loopback ? nil : Domain(address: address)
  }

  /// Takes over what an earlier run has written for a domain, before anything is assigned.
  /// - Parameters:
  ///   - ipv4File: the bytes of `ip4.txt`; nil if there is none.
  ///   - ipv6File: the bytes of `ip6.txt`; nil if there is none.
  /// - Returns: false, and nothing is taken over, if a file is not what this table writes, an address is another domain's, the domain has
  ///   other addresses already, or the table is full. Then the domain gets addresses as a new one does.
  public mutating func restore(_ domain: Domain, ipv4File: [UInt8]?, ipv6File: [UInt8]?) -> Bool {
    let read = (ipv4File.flatMap(DomainAddresses.address), ipv6File.flatMap(DomainAddresses.address))
    if domain.address != nil {
      guard let own = self[domain] else { return false }
      return own.ipv4 == read.0 && own.ipv6 == read.1
    }
    guard let ipv4 = read.0, let ipv6 = read.1, ipv4.family == .ipv4, ipv6.family == .ipv6, Self.isReserved(ipv4),
      Self.isReserved(ipv6)
    else { return false }
    let new = DomainAddresses(ipv4: ipv4, ipv6: ipv6)
    if let known = addresses[domain] { return known == new }
    guard addresses.count < capacity, domains[ipv4] == nil, domains[ipv6] == nil else { return false }
    enter(domain, new)
    return true
  }

  /// All names with their addresses, sorted by the bytes of their directories' names.
  public var entries: [(domain: Domain, addresses: DomainAddresses)] {
    addresses.map { (key: $0.key.directoryName, domain: $0.key, addresses: $0.value) }
      .sorted { $0.key.lexicographicallyPrecedes($1.key) }
      .map { ($0.domain, $0.addresses) }
  }
}
