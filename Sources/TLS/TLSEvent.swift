/// What `TLSHandler` fires as a user's inbound event.
public enum TLSEvent: Sendable, Equatable {
  /// The handshake is done, and with a client the server's certificate is verified.
  /// - protocol: what ALPN chose ("h2"), if anything.
  /// - version: "TLSv1.2" or "TLSv1.3".
  case established(protocol: String?, version: String)
  /// The handshake failed, or a record later on was not sound. The peer has been sent an alert, and the channel closes next.
  /// - verifyError: what was wrong with the server's certificate ("certificate has expired"), if that was it.
  case failed(reason: String, verifyError: String?)
  /// The transport ended without close_notify: what was delivered is authentic, but somebody may have cut it short. `ChannelEvent.inputClosed`
  /// follows, or the channel becomes inactive.
  case truncated
}
