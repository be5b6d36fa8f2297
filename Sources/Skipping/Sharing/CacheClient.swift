import SystemPackage

/// A helper process that is asked by many threads at a time, each on a socket of its own.
package final class CacheClient: Sendable {
  private let channels: Monitor<[CacheChannel]>
  private let all: [CacheChannel]
  private let end: @Sendable () -> Void

  /// How many can ask at a time: as many as threads work for the guest, and the one that uploads.
  package static let sockets = 9
  /// Milliseconds after which the helper is taken for dead: its own limits of time are far below.
  private static let patience: Int32 = 60_000

  /// - Parameter end: ends the helper, which nobody asks any more.
  package init(_ sockets: [FileDescriptor], end: @escaping @Sendable () -> Void) {
    let all = sockets.map { CacheChannel(socket: $0, patience: Self.patience) }
    self.all = all
    self.end = end
    channels = Monitor(all)
  }

  /// Waits until the helper is ready.
  /// - Returns: why it is not.
  package func waitUntilReady() -> String? {
    // It says so on the last of them.
    switch Result(catching: { () throws(Errno) in try ask { channel throws(Errno) in try channel.receive() } }) {
    case .success(.end): nil
    case .success(.failed(let reason)): reason
    default: "it has ended before it began"
    }
  }

  /// - Parameter body: asks, and hears the answer to its end.
  /// - Throws: what `body` throws: the socket is not used any more. `.socketNotConnected` if there is none.
  package func ask<Answer>(_ body: (CacheChannel) throws(Errno) -> Answer) throws(Errno) -> Answer {
    guard let channel = channels.withLock({ $0.popLast() }) else { throw .socketNotConnected }
    let answer = try body(channel)
    channels.withLock { $0.append(channel) }
    return answer
  }

  /// One message for one.
  package func ask(_ message: CacheMessage) throws(Errno) -> CacheMessage {
    try ask { channel throws(Errno) in
      try channel.send(message)
      return try channel.receive()
    }
  }

  /// The helper is let go, which ends; who asks it is told that it is gone.
  package func close() {
    channels.withLock { $0 = [] }
    for channel in all { channel.cut() }
    end()
  }
}
