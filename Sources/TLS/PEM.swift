import COpenSSL

/// Reads PEM (RFC 7468) from memory.
enum PEM {
  /// Calls `body` with each certificate, which is freed after it.
  ///
  /// - Returns: how many there were.
  static func forEachCertificate(
    in pem: [UInt8], _ body: (OpaquePointer) throws(TLSError) -> Void
  ) throws(TLSError) -> Int {
    guard let source = open(pem) else { throw TLSError(reason: "out of memory") }
    defer { BIO_free(source) }
    OpenSSLErrors.clear()
    var count = 0
    while let certificate = PEM_read_bio_X509(source, nil, noPassphrase, nil) {
      defer { X509_free(certificate) }
      try body(certificate)
      count += 1
    }
    let isEnd = Int32(ERR_peek_last_error() & 0x7f_ffff) == PEM_R_NO_START_LINE
    let reason = OpenSSLErrors.takeReason()
    guard isEnd else { throw TLSError(reason: "certificate \(count + 1) is no PEM: \(reason)") }
    return count
  }

  /// - Returns: the key, to be freed by EVP_PKEY_free.
  static func privateKey(_ pem: [UInt8]) throws(TLSError) -> OpaquePointer {
    guard let source = open(pem) else { throw TLSError(reason: "out of memory") }
    defer { BIO_free(source) }
    OpenSSLErrors.clear()
    guard let key = PEM_read_bio_PrivateKey(source, nil, noPassphrase, nil) else {
      throw TLSError(reason: "private key: \(OpenSSLErrors.takeReason())")
    }
    return key
  }

  /// Without one, OpenSSL would ask at the terminal for an encrypted key's passphrase.
  private static let noPassphrase:
    @convention(c) @Sendable (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = {
      _, _, _, _ in -1
    }

  /// The bytes are copied: a BIO on memory of Swift's would outlive its validity.
  private static func open(_ pem: [UInt8]) -> OpaquePointer? {
    guard let bio = BIO_new(BIO_s_mem()) else { return nil }
    guard pem.isEmpty || BIO_write(bio, pem, Int32(clamping: pem.count)) == pem.count else {
      BIO_free(bio)
      return nil
    }
    return bio
  }
}
