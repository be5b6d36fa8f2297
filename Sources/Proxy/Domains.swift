import Network
import Synchronization
import SystemPackage

/// The names that the guest knows, with the addresses that it has for them.
public final class Domains: Sendable {
  private let table: Mutex<DomainTable>
  private let directory: NetworkDirectory
  /// Those whose addresses stand in the trace.
  private let written = Mutex<Set<Domain>>([])

  /// The names that stand in the directory already, of a proxy that ended before, keep their addresses.
  /// - Parameter recorded: of an earlier run, whose names do, too.
  public init(_ directory: NetworkDirectory, recorded: NetworkDirectory? = nil) {
    self.directory = directory
    var known = DomainTable()
    for place in [recorded, directory].compactMap({ $0 }) {
      for name in (try? place.names()) ?? [] {
        guard let domain = Domain(directoryName: name) else { continue }
        func file(_ file: String) -> [UInt8]? {
          try? place.read(String(decoding: name, as: UTF8.self) + "/" + file, limit: 256)
        }
        _ = known.restore(domain, ipv4File: file("ip4.txt"), ipv6File: file("ip6.txt"))
      }
    }
    table = Mutex(known)
  }

  var current: DomainTable { table.withLock { $0 } }

  /// The addresses of a domain, which it gets now if it has none; nil where there is no room for them in the table or in the trace.
  func assign(_ domain: Domain) -> DomainAddresses? {
    guard let assigned = table.withLock({ $0.assign(domain) }) else { return nil }
    guard written.withLock({ $0.insert(domain).inserted }) else { return assigned }
    do throws(Errno) {
      if let bytes = assigned.ipv4File { try directory.write(bytes, to: "ip4.txt", of: domain) }
      if let bytes = assigned.ipv6File { try directory.write(bytes, to: "ip6.txt", of: domain) }
    } catch { return nil }
    return assigned
  }

  /// What is meant by an address that the guest dials.
  func domain(at address: IPAddress) -> Domain? { table.withLock { $0.domain(at: address) } }
}
