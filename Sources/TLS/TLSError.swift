/// Why TLS could not go on.
public struct TLSError: Error, Equatable, CustomStringConvertible {
  /// OpenSSL's words ("no shared cipher", "tlsv1 alert unknown ca") or this module's.
  public var reason: String
  /// What was wrong with the peer's certificate, in OpenSSL's words ("certificate has expired", "self-signed certificate",
  /// "hostname mismatch"), if that was it.
  public var verifyError: String?

  public init(reason: String, verifyError: String? = nil) {
    self.reason = reason
    self.verifyError = verifyError
  }

  public var description: String { verifyError.map { "\(reason): \($0)" } ?? reason }
}
