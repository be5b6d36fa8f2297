import NIOCore
import NIOHTTP1
import Skipping

/// One request, and what comes of it. A thread sends, then reads.
struct Exchange: ~Copyable {
  let channel: any Channel
  let receiver: ResponseReceiver
  private var limits = TimeLimits()

  init(_ channel: any Channel, _ receiver: ResponseReceiver) {
    self.channel = channel
    self.receiver = receiver
  }

  mutating func send(_ head: HTTPRequestHead) throws(CacheFailure) { try write(.head(head)) }

  mutating func send(_ bytes: [UInt8]) throws(CacheFailure) {
    var rest = bytes[...]
    // A step is what the server must take before its time is over.
    while !rest.isEmpty {
      let piece = rest.prefix(CacheMessage.piece)
      try write(.body(.byteBuffer(channel.allocator.buffer(bytes: piece))))
      limits.didMove(piece.count)
      rest = rest.dropFirst(piece.count)
    }
  }

  mutating func finishSending() throws(CacheFailure) { try write(.end(nil)) }

  private func write(_ part: HTTPClientRequestPart) throws(CacheFailure) {
    do throws(CacheFailure) {
      try channel.writeAndFlush(part).value(until: limits.next)
    } catch {
      // Who has an answer already need not take the rest.
      if !receiver.hasPart { throw error }
    }
  }

  /// The head of the answer.
  mutating func head() throws(CacheFailure) -> HTTPResponseHead {
    while true {
      guard case .head(let head) = try receiver.next(of: channel, until: limits.next) else {
        throw CacheFailure("its answer is none of HTTP's")
      }
      if head.status.code >= 200 { return head }
    }
  }

  /// More of the body; nil at its end, and what stands behind it then.
  mutating func body() throws(CacheFailure) -> (bytes: ByteBuffer?, trailers: HTTPHeaders?) {
    switch try receiver.next(of: channel, until: limits.next) {
    case .body(let bytes):
      limits.didMove(bytes.readableBytes)
      return (bytes, nil)
    case .end(let trailers): return (nil, trailers)
    case .head: throw CacheFailure("its answer is none of HTTP's")
    }
  }

  /// Reads the body to its end.
  /// - Parameter most: bytes that it may have.
  mutating func wholeBody(atMost most: Int) throws(CacheFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    while let piece = try body().bytes {
      guard bytes.count + piece.readableBytes <= most else { throw CacheFailure("its answer is too long") }
      bytes += piece.readableBytesView
    }
    return bytes
  }
}

extension EventLoopFuture where Value: Sendable {
  /// Waits for it, on a thread that is none of NIO's.
  func value(until deadline: Int64) throws(CacheFailure) -> Value {
    let box = Monitor<Result<Value, any Error>?>(nil)
    whenComplete { result in box.withLock { $0 = result } }
    switch box.wait(until: deadline, { $0 }) {
    case .success(let value): return value
    case .failure(let error): throw CacheFailure(error)
    case nil: throw CacheFailure("it does not answer in time")
    }
  }
}
