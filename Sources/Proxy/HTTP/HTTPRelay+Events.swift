import SystemPackage

extension HTTPRelay {
  /// What a relay tells; called on its event loop where it says nothing else.
  public struct Events {
    /// An exchange has ended, and is recorded. Refused requests are told of, too, and are not recorded. Called on any thread, in their order.
    public var exchange: @Sendable (HTTPExchange) -> Void
    /// An exchange could not be recorded; the connection is reset.
    public var recordingFailed: (Errno) -> Void
    /// Both connections are closed: bytes that the guest has sent, and the upstream. May be told twice, and while there is something to be written.
    public var ended: (UInt64, UInt64) -> Void
    /// Without, CONNECT is refused.
    var tunnels: HTTPTunnels?

    public init(
      exchange: @escaping @Sendable (HTTPExchange) -> Void, recordingFailed: @escaping (Errno) -> Void,
      ended: @escaping (UInt64, UInt64) -> Void
    ) {
      self.exchange = exchange
      self.recordingFailed = recordingFailed
      self.ended = ended
    }
  }
}

extension RecordingQueue {
  /// An exchange has ended: that is told when what was added before is written.
  func tell(_ exchange: HTTPExchange, to events: HTTPRelay.Events) {
    var exchange = exchange
    exchange.ended = .now()
    add(0) { [tell = events.exchange, exchange] in tell(exchange) }
  }
}
