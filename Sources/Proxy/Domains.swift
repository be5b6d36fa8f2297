import Network
import Synchronization
import SystemPackage

/// The names that the guest knows, with the addresses that it has for them.
public final class Domains: Sendable {
  private let table: Mutex<DomainTable>
  private let directory: NetworkDirectory

  public init(_ directory: NetworkDirectory) {
    self.directory = directory
    table = Mutex(DomainTable())
  }

  var current: DomainTable { table.withLock { $0 } }

  /// The addresses of a domain, which it gets now if it has none; nil where there is no room for them in the table or in the trace.
  func assign(_ domain: Domain) -> DomainAddresses? {
    let (known, assigned) = table.withLock { ($0[domain], $0.assign(domain)) }
    guard known == nil, let assigned else { return assigned }
    do throws(Errno) {
      if let bytes = assigned.ipv4File { try directory.write(bytes, to: "ip4.txt", of: domain) }
      if let bytes = assigned.ipv6File { try directory.write(bytes, to: "ip6.txt", of: domain) }
    } catch { return nil }
    return assigned
  }

  /// What is meant by an address that the guest dials.
  func domain(at address: IPAddress) -> Domain? { table.withLock { $0.domain(at: address) } }
}
