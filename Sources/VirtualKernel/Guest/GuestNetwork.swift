/// The network that a guest was given, beside its own loopback.
public protocol GuestNetwork {
  /// A process is about to connect, or to send, to an address. The network answers requests for its port from when this returns.
  ///
  /// It is told before the kernel reads the address, which the guest may have changed by then: what the process may reach does not rest on it.
  /// - Parameters:
  ///   - process: the trace's own number of it.
  ///   - address: a `sockaddr_in` or `sockaddr_in6`, of any length.
  ///   - isStream: of a socket of TCP's that has no connection, not of datagrams.
  func willDial(_ process: UInt32, _ address: [UInt8], isStream: Bool)
}
