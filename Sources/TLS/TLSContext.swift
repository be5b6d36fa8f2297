import COpenSSL

/// What connections of one kind share: certificates, keys of session tickets, trust. Making one costs milliseconds (a client's reads the host's
/// trust store), so it is made once and kept.
///
/// TLS 1.2 and 1.3; no renegotiation, no compression, no early data. OpenSSL's configuration file of the system holds for what is not set here.
///
/// `@unchecked`: an SSL_CTX counts its references atomically, and is never changed after `init`.
public final class TLSContext: @unchecked Sendable {
  enum Role { case server, client }

  let role: Role
  let pointer: OpaquePointer
  /// ALPN's wire form (lengths and names), which OpenSSL's callback reads.
  private let protocolList: UnsafeMutableBufferPointer<UInt8>

  /// Forward secrecy and AEAD first. CBC after ECDHE is for clients of the time of TLS 1.2's first years.
  private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:!aNULL:!eNULL"
  /// Servers without ECDHE exist still; what is verified there is the certificate, as everywhere.
  private static let clientCiphers = ciphers + ":RSA+AESGCM:RSA+AES"

  /// A server's side. It gives session tickets, and never asks for a client's certificate.
  ///
  /// - chain: PEM, the leaf first, then its issuers.
  /// - key: PEM, not encrypted.
  /// - protocols: what ALPN chooses from, the best first; a client that offers ALPN, but none of these, is refused by alert 120. With none,
  ///   ALPN is not answered.
  /// - Throws: if something is no PEM, if key and leaf do not belong together, or if the key is too weak (below 112 bits of security).
  public static func server(chain: [UInt8], key: [UInt8], protocols: [String]) throws(TLSError) -> TLSContext {
    let context = try TLSContext(role: .server, protocols: protocols)
    try context.use(chain: chain, key: key)
    return context
  }

  /// A client's side, which verifies the server's certificate and name.
  ///
  /// - defaultTrust: whether the host's store is trusted (OpenSSL's default paths, and SSL_CERT_FILE and SSL_CERT_DIR).
  /// - extraTrust: PEM of more certificates to trust; they may be roots, intermediates or servers' own.
  public static func client(defaultTrust: Bool = true, extraTrust: [UInt8] = []) throws(TLSError) -> TLSContext {
    let context = try TLSContext(role: .client, protocols: [])
    try context.trust(default: defaultTrust, extra: extraTrust)
    return context
  }

  private init(role: Role, protocols: [String]) throws(TLSError) {
    guard let list = Self.wireList(protocols) else { throw TLSError(reason: "a protocol's name is empty or too long") }
    OpenSSLErrors.clear()
    guard let pointer = SSL_CTX_new(role == .server ? TLS_server_method() : TLS_client_method()) else {
      throw TLSError(reason: OpenSSLErrors.takeReason())
    }
    self.role = role
    self.pointer = pointer
    protocolList = .allocate(capacity: list.count)
    _ = protocolList.initialize(from: list)

    SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
    SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_3_VERSION), nil)
    SSL_CTX_set_options(
      pointer,
      openssl_option_no_renegotiation() | openssl_option_server_preference() | openssl_option_prioritize_chacha())
    // The buffers of an idle connection, 34 KB, go back; a write's bytes lie elsewhere when it is tried again.
    SSL_CTX_ctrl(pointer, SSL_CTRL_MODE, Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER), nil)
    // Tickets keep sessions at the client; a cache here would grow by one for each connection.
    SSL_CTX_ctrl(pointer, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
    guard SSL_CTX_set_cipher_list(pointer, role == .server ? Self.ciphers : Self.clientCiphers) == 1 else {
      throw TLSError(reason: OpenSSLErrors.takeReason())
    }
    if role == .server && !list.isEmpty { chooseProtocol() }
  }

  deinit {
    SSL_CTX_free(pointer)
    protocolList.deallocate()
  }

  /// ALPN's wire form; nil if a name has not 1 to 255 bytes.
  static func wireList(_ protocols: [String]) -> [UInt8]? {
    var list: [UInt8] = []
    for name in protocols {
      guard (1...255).contains(name.utf8.count) else { return nil }
      list.append(UInt8(name.utf8.count))
      list += name.utf8
    }
    return list
  }

  private func chooseProtocol() {
    // Unretained: whoever has a connection keeps the context.
    SSL_CTX_set_alpn_select_cb(
      pointer,
      { _, chosen, chosenLength, offered, offeredLength, argument in
        let list = Unmanaged<TLSContext>.fromOpaque(argument!).takeUnretainedValue().protocolList
        var found: UnsafeMutablePointer<UInt8>?
        let outcome = SSL_select_next_proto(
          &found, chosenLength, list.baseAddress, UInt32(list.count), offered, offeredLength)
        guard outcome == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        chosen?.pointee = UnsafePointer(found)
        return SSL_TLSEXT_ERR_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  private func use(chain: [UInt8], key: [UInt8]) throws(TLSError) {
    var isLeaf = true
    let pointer = pointer
    let count = try PEM.forEachCertificate(in: chain) { certificate throws(TLSError) in
      let added =
        isLeaf
        ? SSL_CTX_use_certificate(pointer, certificate)
        : Int32(SSL_CTX_ctrl(pointer, SSL_CTRL_CHAIN_CERT, 1, UnsafeMutableRawPointer(certificate)))
      guard added == 1 else { throw TLSError(reason: "certificate: \(OpenSSLErrors.takeReason())") }
      isLeaf = false
    }
    guard count > 0 else { throw TLSError(reason: "no certificate") }
    let privateKey = try PEM.privateKey(key)
    defer { EVP_PKEY_free(privateKey) }
    guard SSL_CTX_use_PrivateKey(pointer, privateKey) == 1, SSL_CTX_check_private_key(pointer) == 1 else {
      throw TLSError(reason: "private key: \(OpenSSLErrors.takeReason())")
    }
    SSL_CTX_set_verify(pointer, SSL_VERIFY_NONE, nil)
  }

  private func trust(default: Bool, extra: [UInt8]) throws(TLSError) {
    OpenSSLErrors.clear()
    if `default` && SSL_CTX_set_default_verify_paths(pointer) != 1 {
      throw TLSError(reason: "trust store: \(OpenSSLErrors.takeReason())")
    }
    guard let store = SSL_CTX_get_cert_store(pointer) else { throw TLSError(reason: "no trust store") }
    let count = try PEM.forEachCertificate(in: extra) { certificate throws(TLSError) in
      guard X509_STORE_add_cert(store, certificate) == 1 else {
        throw TLSError(reason: "trusted certificate: \(OpenSSLErrors.takeReason())")
      }
    }
    guard count > 0 || extra.isEmpty else { throw TLSError(reason: "no certificate to trust") }
    // What is trusted by name need not be a root: a server's own certificate will do, as for curl.
    X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
  }
}
