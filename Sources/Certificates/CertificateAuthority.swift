import COpenSSL

/// The certificate authority of a run: its key comes of a seed that the trace keeps, its certificate is made once and kept.
///
/// Everything in the certificates comes of the seed and the host but the signatures, for which OpenSSL 3.0 draws nonces:
/// what is to be the same in each replay is kept by the caller (``pem``, ``Leaf/chain``) and given again.
public struct CertificateAuthority: Sendable {
  /// How many bytes a seed has.
  public static let seedBytes = 32

  /// The certificate in DER.
  public let der: [UInt8]
  let derivation: HKDF
  let key: PrivateKey
  let leafKey: PrivateKey

  /// A new certificate.
  /// - Parameter seed: ``seedBytes`` random bytes.
  public init(seed: [UInt8]) throws(CertificateError) {
    (derivation, key, leafKey) = try Self.keys(seed)
    der = try key.certificate(content: Self.content(derivation, key))
  }

  /// The certificate that was kept.
  /// - Parameters:
  ///   - seed: what it was made of.
  ///   - certificate: ``pem`` of then. One of another key is refused.
  public init(seed: [UInt8], certificate: [UInt8]) throws(CertificateError) {
    (derivation, key, leafKey) = try Self.keys(seed)
    guard let der = PEM.decode("CERTIFICATE", certificate), let read = X509Certificate(der: der) else {
      throw .malformed
    }
    guard key.isKey(of: read), key.hasSigned(read), X509_check_ca(read.handle) == 1 else { throw .notOfThisSeed }
    self.der = der
  }

  /// The certificate in PEM.
  public var pem: [UInt8] { PEM.encode("CERTIFICATE", der) }

  /// The names, without `.0`, by which OpenSSL looks for the certificate in a directory: X509_NAME_hash, as `%08x`.
  public var subjectHash: String { hash(X509_subject_name_hash) }
  /// The name by MD5 that OpenSSL before 1.0.0 looked for, and c_rehash still makes.
  public var oldSubjectHash: String { hash(X509_subject_name_hash_old) }

  private func hash(_ function: (OpaquePointer?) -> UInt) -> String {
    guard let certificate = X509Certificate(der: der) else { return "00000000" }
    let digits = String(function(certificate.handle) & 0xffff_ffff, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  private static func keys(_ seed: [UInt8]) throws(CertificateError) -> (HKDF, PrivateKey, PrivateKey) {
    guard seed.count == seedBytes else { throw .seedLength(seed.count) }
    let derivation = HKDF(seed: seed)
    let key = try PrivateKey(derivation, purpose: "uwrx certificate authority key")
    return (derivation, key, try PrivateKey(derivation, purpose: "uwrx leaf key"))
  }

  /// Certificates of two runs have two names: no client takes one run's for another's.
  static func name(_ key: PrivateKey) -> [UInt8] {
    let digits = key.identifier.prefix(8).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
    return X509Content.name("uwrx " + digits.joined())
  }

  private static func content(_ derivation: HKDF, _ key: PrivateKey) -> [UInt8] {
    // pathlen 0: the authority signs no others. Critical, as RFC 5280, section 4.2.1.9, wants.
    X509Content(
      serial: X509Content.serial(derivation, "uwrx certificate authority serial"), issuer: name(key),
      subject: name(key), publicKey: key.publicKey,
      extensions: [
        .init(ObjectIdentifier.basicConstraints, critical: true, DER.sequence(DER.yes, DER.integer([0]))),
        // keyCertSign (5), cRLSign (6)
        .init(ObjectIdentifier.keyUsage, critical: true, DER.bits([0b0000_0110], unused: 1)),
        .init(ObjectIdentifier.subjectKeyIdentifier, DER.octets(key.identifier)),
      ]
    ).der
  }
}
