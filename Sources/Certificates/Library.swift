import COpenSSL

/// What is asked of libcrypto beside keys.
enum Library {
  /// The last thing that went wrong in this thread. The list of errors is empty afterwards.
  static func error() -> CertificateError {
    defer { ERR_clear_error() }
    let code = ERR_peek_last_error()
    guard code != 0, let reason = ERR_reason_error_string(code) else { return .library("no reason is told") }
    return .library(String(cString: reason))
  }

  static func sha256(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, 32) { SHA256($0, $1, $2) } }
  static func sha1(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, 20) { SHA1($0, $1, $2) } }

  private static func digest(
    _ bytes: [UInt8], _ count: Int,
    _ function: (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt8>?) -> UnsafeMutablePointer<UInt8>?
  ) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: count)
    precondition(function(bytes, bytes.count, &digest) != nil, "libcrypto has no SHA")
    return digest
  }
}

/// A certificate that OpenSSL has read. It is only asked, and threads may do so at the same time.
final class X509Certificate: @unchecked Sendable {
  let handle: OpaquePointer

  /// Nil for bytes that are no certificate, or more than one.
  init?(der: [UInt8]) {
    defer { ERR_clear_error() }
    let (read, end) = der.withUnsafeBufferPointer { buffer -> (OpaquePointer?, Bool) in
      var next = buffer.baseAddress
      let read = d2i_X509(nil, &next, buffer.count)
      return (read, next == buffer.baseAddress.map { $0 + buffer.count })
    }
    guard let read else { return nil }
    handle = read
    if !end { return nil }
  }

  deinit { X509_free(handle) }

  /// Whether it is for a host, as a client would find.
  func isFor(_ host: CertificateHost) -> Bool {
    let flags = UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT) | UInt32(X509_CHECK_FLAG_NO_WILDCARDS)
    switch host {
    case .name(let name): return X509_check_host(handle, name, 0, flags, nil) == 1
    case .address(_, let bytes): return X509_check_ip(handle, bytes, bytes.count, flags) == 1
    }
  }
}
