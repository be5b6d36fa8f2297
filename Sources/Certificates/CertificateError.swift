/// Why there is no certificate.
public enum CertificateError: Error, Equatable, CustomStringConvertible {
  /// A seed has 32 bytes.
  case seedLength(Int)
  /// Neither a DNS name nor an address that a certificate can be for.
  case host([UInt8])
  /// Not a PEM certificate.
  case malformed
  /// A kept certificate of the authority that was not made of this seed.
  case notOfThisSeed
  /// The library refused, with its own reason.
  case library(String)

  public var description: String {
    switch self {
    case .seedLength(let count): "the seed of a certificate authority has 32 bytes, not \(count)"
    case .host(let host): "no certificate can be made for \(Self.quoted(host)): it is no DNS name and no address"
    case .malformed: "the certificate is not a PEM certificate"
    case .notOfThisSeed: "the certificate of the authority was not made of this seed: ca.pem and ca-seed do not fit"
    case .library(let reason): "OpenSSL: \(reason)"
    }
  }

  /// A guest's bytes, for a terminal.
  private static func quoted(_ bytes: [UInt8]) -> String {
    let shown = bytes.prefix(80).map { (0x20..<0x7f).contains($0) ? Character(UnicodeScalar($0)) : "?" }
    return "'" + String(shown) + (bytes.count > 80 ? "...'" : "'")
  }
}
