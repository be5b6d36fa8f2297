import COpenSSL

/// A team's key: Ed25519 (RFC 8032), in PEM as OpenSSL has it. The private half signs and verifies, the public half verifies.
///
/// `@unchecked`: an EVP_PKEY is not changed after `init`.
package final class RecordKey: @unchecked Sendable {
  private let key: OpaquePointer
  package let isPrivate: Bool

  /// - Throws: why it is no such key.
  package init(pem: [UInt8]) throws(CacheFailure) {
    guard let source = BIO_new(BIO_s_mem()) else { throw CacheFailure("out of memory") }
    defer { BIO_free(source) }
    BIO_write(source, pem, Int32(clamping: pem.count))
    let found: OpaquePointer?
    // A passphrase would be asked for at the terminal.
    if let key = PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in -1 }, nil) {
      (found, isPrivate) = (key, true)
    } else {
      BIO_ctrl(source, BIO_CTRL_RESET, 0, nil)
      BIO_write(source, pem, Int32(clamping: pem.count))
      (found, isPrivate) = (PEM_read_bio_PUBKEY(source, nil, { _, _, _, _ in -1 }, nil), false)
    }
    ERR_clear_error()
    guard let found else { throw CacheFailure("it holds no key in PEM that has no passphrase") }
    guard EVP_PKEY_get_base_id(found) == EVP_PKEY_ED25519 else {
      EVP_PKEY_free(found)
      throw CacheFailure("its key is not of Ed25519")
    }
    key = found
  }

  deinit { EVP_PKEY_free(key) }

  /// - Returns: 64 bytes; nil for a public key.
  package func sign(_ bytes: [UInt8]) -> [UInt8]? {
    guard isPrivate, let context = EVP_MD_CTX_new() else { return nil }
    defer { EVP_MD_CTX_free(context) }
    var signature = [UInt8](repeating: 0, count: 64)
    var count = signature.count
    guard EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
      EVP_DigestSign(context, &signature, &count, bytes, bytes.count) == 1, count == 64
    else { return nil }
    return signature
  }

  package func verify(_ bytes: [UInt8], signature: [UInt8]) -> Bool {
    guard let context = EVP_MD_CTX_new() else { return false }
    defer {
      EVP_MD_CTX_free(context)
      ERR_clear_error()
    }
    return EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
      && EVP_DigestVerify(context, signature, signature.count, bytes, bytes.count) == 1
  }

  /// A new pair, in PEM.
  package static func make() -> (privateKey: [UInt8], publicKey: [UInt8])? {
    guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil) else { return nil }
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_keygen(context, &key) == 1, let key else { return nil }
    defer { EVP_PKEY_free(key) }
    func written(_ write: (OpaquePointer) -> Int32) -> [UInt8]? {
      guard let sink = BIO_new(BIO_s_mem()) else { return nil }
      defer { BIO_free(sink) }
      guard write(sink) == 1 else { return nil }
      var bytes = [UInt8](repeating: 0, count: 1 << 12)
      let count = BIO_read(sink, &bytes, Int32(bytes.count))
      return count > 0 ? Array(bytes.prefix(Int(count))) : nil
    }
    guard let privateKey = written({ PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) }),
      let publicKey = written({ PEM_write_bio_PUBKEY($0, key) })
    else { return nil }
    return (privateKey, publicKey)
  }
}
