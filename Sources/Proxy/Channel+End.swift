import NIOCore

extension Channel {
  /// Says a last thing, and closes the connection when its other end has had the time to take that: what is unread when a socket is closed
  /// makes a reset of it, which takes away what was sent (RFC 9112, 9.6).
  func end(after bytes: ByteBuffer) {
    writeAndFlush(bytes, promise: nil)
    close(mode: .output, promise: nil)
    eventLoop.scheduleTask(in: .seconds(1)) { self.close(promise: nil) }
  }
}
