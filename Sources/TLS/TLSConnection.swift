import COpenSSL
import NIOCore

/// One connection's SSL, between queues of ciphertext: it knows no channel and does no I/O.
final class TLSConnection {
  enum Progress {
    case done
    /// All ciphertext that came is used up.
    case wantsMore
    /// close_notify came.
    case closed
    case failed(TLSError)
  }

  private let ssl: OpaquePointer
  private let queues = TransportQueues()
  /// Kept since OpenSSL's callback for ALPN reads its list.
  private let context: TLSContext

  init(context: TLSContext) throws(TLSError) {
    OpenSSLErrors.clear()
    guard let ssl = SSL_new(context.pointer) else { throw TLSError(reason: OpenSSLErrors.takeReason()) }
    guard let bio = TransportBIO.make(queues) else {
      SSL_free(ssl)
      throw TLSError(reason: "out of memory")
    }
    // Frees the BIO with the SSL.
    SSL_set_bio(ssl, bio, bio)
    self.ssl = ssl
    self.context = context
    switch context.role {
    case .server: SSL_set_accept_state(ssl)
    case .client: SSL_set_connect_state(ssl)
    }
  }

  deinit { SSL_free(ssl) }

  /// Names the server that a client expects.
  ///
  /// - serverName: a host's name, with or without the last dot, or an IP address, which is verified but not sent (RFC 6066, section 3).
  func expect(serverName: String, protocols: [String]) throws(TLSError) {
    OpenSSLErrors.clear()
    let name = serverName.hasSuffix(".") ? String(serverName.dropLast()) : serverName
    guard !name.isEmpty, !name.utf8.contains(0) else { throw TLSError(reason: "no name to verify") }
    if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) != 1 {
      OpenSSLErrors.clear()
      SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
      // Sets SNI: the macro SSL_set_tlsext_host_name.
      let isSent = name.withCString {
        SSL_ctrl(
          ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), UnsafeMutableRawPointer(mutating: $0))
      }
      guard SSL_set1_host(ssl, name) == 1, isSent == 1 else { throw TLSError(reason: OpenSSLErrors.takeReason()) }
    }
    guard let list = TLSContext.wireList(protocols) else {
      throw TLSError(reason: "a protocol's name is empty or too long")
    }
    // The one function of OpenSSL that answers 0 for success.
    guard list.isEmpty || SSL_set_alpn_protos(ssl, list, UInt32(list.count)) == 0 else {
      throw TLSError(reason: OpenSSLErrors.takeReason())
    }
  }

  // MARK: Ciphertext

  /// How many bytes are held that `decrypt` has not given: ciphertext that came, and the rest of a record.
  var heldBytes: Int { queues.inbound.readableBytes + Int(SSL_pending(ssl)) }

  func receive(_ ciphertext: ByteBuffer) {
    if queues.inbound.readableBytes == 0 {
      queues.inbound = ciphertext
    } else {
      queues.inbound.writeImmutableBuffer(ciphertext)
    }
  }

  /// How much ciphertext waits for `takeOutput`.
  var outputBytes: Int { queues.outbound.readableBytes }

  /// The ciphertext to send: records of the handshake, data, alerts.
  func takeOutput() -> ByteBuffer {
    defer { queues.outbound = ByteBuffer() }
    return queues.outbound
  }

  // MARK: Steps

  func handshake() -> Progress {
    OpenSSLErrors.clear()
    return progress(after: SSL_do_handshake(ssl))
  }

  /// What ALPN chose.
  var negotiatedProtocol: String? {
    var name: UnsafePointer<UInt8>?
    var length: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &length)
    return name.map { String(decoding: UnsafeBufferPointer(start: $0, count: Int(length)), as: UTF8.self) }
  }

  var version: String { String(cString: SSL_get_version(ssl)) }

  /// Whether the handshake resumed an earlier session.
  var isResumed: Bool { SSL_session_reused(ssl) == 1 }

  /// Decrypts until the buffer is full or all that came is used up.
  ///
  /// - Returns: `done` if the buffer is full.
  func decrypt(into plaintext: inout ByteBuffer) -> Progress {
    while plaintext.writableBytes > 0 {
      OpenSSLErrors.clear()
      var outcome: Int32 = 0
      plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: 0) { space in
        outcome = SSL_read(ssl, space.baseAddress, Int32(clamping: space.count))
        return max(0, Int(outcome))
      }
      guard outcome > 0 else { return progress(after: outcome) }
    }
    return .done
  }

  /// Encrypts all of it, in records of up to 16 KiB.
  func encrypt(_ plaintext: ByteBuffer) throws(TLSError) {
    // A record has up to 22 bytes more in TLS 1.3, and up to 69 by CBC with padding.
    queues.outbound.reserveCapacity(
      minimumWritableBytes: plaintext.readableBytes + (plaintext.readableBytes >> 14 + 1) * 72)
    let failure: TLSError? = plaintext.withUnsafeReadableBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        OpenSSLErrors.clear()
        let outcome = SSL_write(ssl, UnsafeRawBufferPointer(rebasing: rest).baseAddress, Int32(clamping: rest.count))
        guard outcome > 0 else {
          if case .failed(let error) = progress(after: outcome) { return error }
          return TLSError(reason: "the connection cannot be written to")
        }
        rest = rest.dropFirst(Int(outcome))
      }
      return nil
    }
    if let failure { throw failure }
  }

  /// Queues close_notify.
  func closeOutput() {
    OpenSSLErrors.clear()
    _ = SSL_shutdown(ssl)
    OpenSSLErrors.clear()
  }

  private func progress(after outcome: Int32) -> Progress {
    if outcome == 1 { return .done }
    switch SSL_get_error(ssl, outcome) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wantsMore
    case SSL_ERROR_ZERO_RETURN: return .closed
    default:
      let verified = SSL_get_verify_result(ssl)
      let reason = OpenSSLErrors.takeReason()
      guard context.role == .client, verified != X509_V_OK else { return .failed(TLSError(reason: reason)) }
      return .failed(
        TLSError(reason: reason, verifyError: String(cString: X509_verify_cert_error_string(Int(verified)))))
    }
  }
}
