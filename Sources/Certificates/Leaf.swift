/// A host's certificate and key, as a TLS server is given them.
public struct Leaf: Equatable, Sendable {
  /// The certificate in DER.
  public let der: [UInt8]
  /// The certificate, and the authority's after it, in PEM: what is kept.
  public let chain: [UInt8]
  /// The private key as PKCS #8 in PEM, one for all hosts of a run: not to be kept, the seed is.
  public let key: [UInt8]
  /// Whether ``chain`` begins with the certificate that was given as kept.
  public let wasKept: Bool
}

extension CertificateAuthority {
  /// The certificate for a host.
  /// - Parameters:
  ///   - host: a DNS name or an address, as a guest names it; neither port, brackets, zone nor wildcard.
  ///   - kept: an earlier ``Leaf/chain`` for this host. It is given again; one that is not of this authority, this key
  ///     and this host is not, and a new one is made.
  public func leaf(for host: [UInt8], kept: [UInt8]? = nil) throws(CertificateError) -> Leaf {
    let host = try CertificateHost(host)
    let known = kept.flatMap { PEM.decode("CERTIFICATE", $0) }.flatMap { isLeaf($0, for: host) ? $0 : nil }
    let der: [UInt8]
    if let known { der = known } else { der = try key.certificate(content: content(for: host)) }
    return Leaf(
      der: der, chain: PEM.encode("CERTIFICATE", der) + pem, key: leafKey.pem, wasKept: known != nil)
  }

  public func leaf(for host: String, kept: [UInt8]? = nil) throws(CertificateError) -> Leaf {
    try leaf(for: Array(host.utf8), kept: kept)
  }

  private func isLeaf(_ der: [UInt8], for host: CertificateHost) -> Bool {
    guard let certificate = X509Certificate(der: der) else { return false }
    return leafKey.isKey(of: certificate) && key.hasSigned(certificate) && certificate.isFor(host)
  }

  private func content(for host: CertificateHost) -> [UInt8] {
    // A common name has 64 bytes at most; the alternative name of a subject without a name is critical (RFC 5280, 4.2.1.6).
    let commonName = host.text.utf8.count <= 64 ? host.text : nil
    let alternative =
      switch host {
      case .name(let name): DER.element(0x82, Array(name.utf8))
      case .address(_, let bytes): DER.element(0x87, bytes)
      }
    return X509Content(
      serial: X509Content.serial(derivation, "uwrx leaf serial \(host.text)"), issuer: Self.name(key),
      subject: X509Content.name(commonName), publicKey: leafKey.publicKey,
      extensions: [
        // digitalSignature (0), all that ECDHE needs
        .init(ObjectIdentifier.keyUsage, critical: true, DER.bits([0b1000_0000], unused: 7)),
        .init(
          ObjectIdentifier.extendedKeyUsage,
          DER.sequence(DER.object(ObjectIdentifier.serverAuthentication))),
        .init(ObjectIdentifier.subjectAlternativeName, critical: commonName == nil, DER.sequence(alternative)),
        .init(ObjectIdentifier.subjectKeyIdentifier, DER.octets(leafKey.identifier)),
        .init(
          ObjectIdentifier.authorityKeyIdentifier,
          DER.sequence(DER.element(0x80, key.identifier))),
      ]
    ).der
  }
}
