import Certificates
import Network
import SystemPackage
import Synchronization
import TLS

/// Who the proxy is to a guest: a certificate of the run's own authority for each name, made when it is asked for.
public final class Identities: Sendable {
  private struct Key: Hashable {
    let name: String
    let protocols: [String]
  }

  private let authority: CertificateAuthority
  private let directory: NetworkDirectory
  private let contexts = Mutex<[Key: TLSContext]>([:])
  /// Names that are kept; a guest that makes more up pays for them.
  private static let most = 4096

  public init(_ authority: CertificateAuthority, _ directory: NetworkDirectory) {
    self.authority = authority
    self.directory = directory
  }

  /// - Parameters:
  ///   - name: a host's name or an address.
  ///   - protocols: what ALPN answers with, or nothing.
  /// - Throws: for a name that no certificate can have.
  func context(for name: String, of domain: Domain, protocols: [String]) throws -> TLSContext {
    let key = Key(name: name, protocols: protocols)
    if let known = contexts.withLock({ $0[key] }) { return known }
    let leaf = try authority.leaf(for: name)
    let context = try TLSContext.server(chain: leaf.chain, key: leaf.key, protocols: protocols)
    try directory.write(leaf.chain, to: "cert.pem", of: domain)
    contexts.withLock { contexts in
      if contexts.count >= Self.most { contexts = [:] }
      contexts[key] = context
    }
    return context
  }
}
