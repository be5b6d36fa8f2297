import NIOCore

/// The end of a connection whose last request was answered before it was read to its end.
///
/// What is unread when a socket is closed makes the kernel send a reset, which takes the answer from the other side (RFC 9112, 9.6). So the
/// rest is read for a while, and dropped.
final class HTTPLingering {
  private static let most = 1 << 20
  private static let longest = TimeAmount.seconds(2)

  private var dropped = 0
  private var timer: Scheduled<Void>?

  /// Sends a last answer, and closes the connection when the other side has taken it.
  func end(_ end: HTTPEnd, with failure: HTTPFailure) {
    end.write(failure.answer())
    self.end(end)
  }

  func end(_ end: HTTPEnd) {
    // Who takes the answer slowly has it whole.
    end.closeOutput { [self] in
      guard timer == nil, !end.isClosed else { return }
      timer = end.channel.eventLoop.scheduleTask(in: Self.longest) { [channel = end.channel] in
        channel.close(promise: nil)
      }
    }
    end.resume()
  }

  func received(_ bytes: ByteBuffer, at end: HTTPEnd) {
    dropped += bytes.readableBytes
    if dropped > Self.most { end.close() }
  }

  func ended() {
    timer?.cancel()
    timer = nil
  }
}
