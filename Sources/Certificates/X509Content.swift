/// What is signed in a certificate of version 3 (RFC 5280, section 4.1: TBSCertificate).
struct X509Content {
  struct Extension {
    let der: [UInt8]

    init(_ identifier: [UInt8], critical: Bool = false, _ value: [UInt8]) {
      der = DER.sequence(DER.object(identifier), critical ? DER.yes : [], DER.octets(value))
    }
  }

  var serial: [UInt8]
  var issuer: [UInt8]
  var subject: [UInt8]
  var publicKey: [UInt8]
  var extensions: [Extension]

  static let signatureAlgorithm = DER.sequence(DER.object(ObjectIdentifier.ecdsaWithSHA256))

  /// A guest's clock shows whatever time a run was given: from the epoch to the last second that UTCTime can tell.
  private static let validity = DER.sequence(DER.utcTime("700101000000Z"), DER.utcTime("491231235959Z"))

  var der: [UInt8] {
    DER.sequence(
      DER.explicit(0, DER.integer([2])), DER.integer(serial), Self.signatureAlgorithm, issuer, Self.validity, subject,
      publicKey, DER.explicit(3, DER.element(0x30, Array(extensions.map(\.der).joined()))))
  }

  /// A name of nothing but a common name, at most 64 bytes; an empty name without one.
  static func name(_ commonName: String?) -> [UInt8] {
    guard let commonName else { return DER.sequence() }
    return DER.sequence(
      DER.set(DER.sequence(DER.object(ObjectIdentifier.commonName), DER.utf8(commonName))))
  }

  /// 16 bytes, positive and not 0: 20 is the most (RFC 5280, section 4.1.2.2).
  static func serial(_ derivation: HKDF, _ purpose: String) -> [UInt8] {
    var bytes = derivation.bytes(for: Array(purpose.utf8), count: 16)
    bytes[0] = bytes[0] & 0x3f | 0x40
    return bytes
  }
}

extension PrivateKey {
  /// A certificate of what this key signs.
  func certificate(content: [UInt8]) throws(CertificateError) -> [UInt8] {
    DER.sequence(content, X509Content.signatureAlgorithm, DER.bits(try signature(of: content)))
  }
}
