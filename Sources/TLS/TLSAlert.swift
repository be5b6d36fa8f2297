import NIOCore

/// A fatal alert (RFC 8446, section 6) by which a server refuses a connection before it has answered the ClientHello.
public enum TLSAlert: UInt8, Sendable, CaseIterable {
  case handshakeFailure = 40
  case badCertificate = 42
  case certificateExpired = 45
  case certificateUnknown = 46
  case unknownCA = 48
  case accessDenied = 49
  case internalError = 80
  case unrecognizedName = 112
  case noApplicationProtocol = 120

  /// The alert as one record in plaintext, which is all that a peer takes before ServerHello; afterwards alerts are encrypted.
  ///
  /// - Returns: seven bytes. The version is TLS 1.2, as TLS 1.3 writes it, too.
  public static func record(_ alert: TLSAlert) -> ByteBuffer {
    let alertType: UInt8 = 21
    let fatal: UInt8 = 2
    return ByteBuffer(bytes: [alertType, 3, 3, 0, 2, fatal, alert.rawValue])
  }
}
