import SystemPackage

extension HTTPRelay {
  /// What a relay tells; called on its event loop where it says nothing else.
  public struct Events {
    /// Exchanges have ended, and are recorded. Refused requests are told of, too, and are not recorded. Called on any thread, in their order.
    public var exchanges: @Sendable ([HTTPExchange]) -> Void
    /// An exchange could not be recorded; the connection is reset.
    public var recordingFailed: (Errno) -> Void
    /// Both connections are closed: bytes that the guest has sent, and the upstream. May be told twice, and while there is something to be written.
    public var ended: (UInt64, UInt64) -> Void
    /// Without, CONNECT is refused.
    var tunnels: HTTPTunnels?
    /// What is recorded of the connection beside its exchanges, as text.
    var noted: (String) -> Void = { _ in }

    public init(
      exchanges: @escaping @Sendable ([HTTPExchange]) -> Void, recordingFailed: @escaping (Errno) -> Void,
      ended: @escaping (UInt64, UInt64) -> Void
    ) {
      self.exchanges = exchanges
      self.recordingFailed = recordingFailed
      self.ended = ended
    }
  }
}

extension RecordingQueue {
  /// An exchange has ended: that is told when what was added before is written.
  /// - Parameter owner: whose events they are.
  func tell(_ exchange: HTTPExchange, of owner: AnyObject, to events: HTTPRelay.Events) {
    var exchange = exchange
    exchange.ended = .now()
    add(0) { [tell = events.exchanges, exchange, owner = ObjectIdentifier(owner)] batch throws(Errno) in
      try batch.tell(exchange, of: owner, tell)
    }
  }
}
