import Certificates
import SystemPackage
import TrustStores

/// Java's trust stores, to which a certificate is added here: they need more of cryptography than the supervisor has.
public struct KeyStores: Sendable {
  let authority: CertificateAuthority
  let directory: NetworkDirectory

  public init(_ authority: CertificateAuthority, _ directory: NetworkDirectory) {
    self.authority = authority
    self.directory = directory
  }

  /// `+trust/store` with the certificate of the run's own authority becomes `+trust/spliced`.
  /// - Returns: false for what is no keystore, or one with a password of its own.
  func splice() -> Bool {
    do {
      let store = try directory.read("+trust/store", limit: TrustStore.mostBytes)
      // Java keeps one of a name.
      let alias = "uwrx-\(authority.subjectHash)"
      let spliced: [UInt8]
      switch TrustStore.kind(ofPath: Array("/cacerts".utf8), contents: store) {
      case .javaKeyStore: spliced = try JavaKeyStore.adding(authority.der, alias: alias, to: store)
      case .pkcs12: spliced = try PKCS12Store.adding(authority.der, alias: alias, to: store)
      case .pemBundle, nil: return false
      }
      try directory.write(spliced, to: "+trust/spliced")
      return true
    } catch { return false }
  }
}
