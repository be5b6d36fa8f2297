import COpenSSL

/// A key of ECDSA on P-256 that comes of a seed.
///
/// OpenSSL's key is counted and locked by itself, and is not changed once made: threads may sign with it at the same time.
final class PrivateKey: @unchecked Sendable {
  /// SubjectPublicKeyInfo (RFC 5280, section 4.1).
  let publicKey: [UInt8]
  private let scalar: [UInt8]
  private let handle: OpaquePointer

  /// The order of P-256's group: a scalar is above 0 and below it.
  static let order: [UInt8] =
    [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0] + [UInt8](repeating: 0xff, count: 8) + [
      0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ]

  static func isScalar(_ bytes: [UInt8]) -> Bool {
    bytes.count == order.count && bytes.contains { $0 != 0 } && bytes.lexicographicallyPrecedes(order)
  }

  /// The first of a purpose's numbers that is a scalar: by rejection none is more likely than another. One in four
  /// thousand million numbers is none.
  convenience init(_ derivation: HKDF, purpose: String) throws(CertificateError) {
    for attempt in UInt8(0)..<8 {
      let candidate = derivation.bytes(for: Array(purpose.utf8) + [0, attempt], count: 32)
      if Self.isScalar(candidate) {
        try self.init(scalar: candidate)
        return
      }
    }
    throw .library("no scalar was found")
  }

  init(scalar: [UInt8]) throws(CertificateError) {
    let point: [UInt8]
    (handle, point) = try Self.load(scalar)
    self.scalar = scalar
    publicKey = DER.sequence(Self.algorithm, DER.bits(point))
  }

  deinit { EVP_PKEY_free(handle) }

  private static let algorithm = DER.sequence(
    DER.object(ObjectIdentifier.ecPublicKey), DER.object(ObjectIdentifier.p256))

  /// The library's key, and its point, not compressed. OpenSSL computes the point that RFC 5915 lets one leave out.
  private static func load(_ scalar: [UInt8]) throws(CertificateError) -> (OpaquePointer, [UInt8]) {
    let encoded = DER.sequence(
      DER.integer([1]), DER.octets(scalar), DER.explicit(0, DER.object(ObjectIdentifier.p256)))
    let handle = encoded.withUnsafeBufferPointer { buffer in
      var next = buffer.baseAddress
      return d2i_PrivateKey(EVP_PKEY_EC, nil, &next, buffer.count)
    }
    guard let handle else { throw Library.error() }
    var buffer: UnsafeMutablePointer<UInt8>?
    let count = i2d_PUBKEY(handle, &buffer)
    defer { CRYPTO_free(buffer, nil, 0) }
    guard count > 65, let buffer else {
      EVP_PKEY_free(handle)
      throw Library.error()
    }
    return (handle, Array(UnsafeBufferPointer(start: buffer, count: Int(count)).suffix(65)))
  }

  /// The leftmost 160 bits of the point's SHA-256 (RFC 7093, section 2, method 1).
  var identifier: [UInt8] {
    Array(Library.sha256(Array(publicKey.suffix(65))).prefix(20))
  }

  /// The key as PKCS #8 in PEM.
  var pem: [UInt8] {
    let inner = DER.sequence(
      DER.integer([1]), DER.octets(scalar), DER.explicit(1, DER.bits(Array(publicKey.suffix(65)))))
    return PEM.encode("PRIVATE KEY", DER.sequence(DER.integer([0]), Self.algorithm, DER.octets(inner)))
  }

  /// ECDSA with SHA-256. It differs from call to call: OpenSSL 3.0 draws its nonce.
  func signature(of message: [UInt8]) throws(CertificateError) -> [UInt8] {
    guard let context = EVP_MD_CTX_new() else { throw Library.error() }
    defer { EVP_MD_CTX_free(context) }
    var signature = [UInt8](repeating: 0, count: 128)
    var count = signature.count
    guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, handle) == 1,
      EVP_DigestSign(context, &signature, &count, message, message.count) == 1
    else { throw Library.error() }
    return Array(signature.prefix(count))
  }

  /// Whether a certificate has this key's public part.
  func isKey(of certificate: X509Certificate) -> Bool {
    guard let other = X509_get0_pubkey(certificate.handle) else { return false }
    return EVP_PKEY_eq(other, handle) == 1
  }

  func hasSigned(_ certificate: X509Certificate) -> Bool {
    defer { ERR_clear_error() }
    return X509_verify(certificate.handle, handle) == 1
  }
}
