import NIOCore

/// What was written and not yet encrypted, cut into pieces of whole records: many small buffers become one record, for each record costs 22 bytes
/// and a call of the cipher.
struct RecordQueue {
  /// What a record carries at most.
  static let recordBytes = 1 << 14

  private var buffers = CircularBuffer<ByteBuffer>()
  private var promises: [EventLoopPromise<Void>] = []
  /// How many of `buffers` and `promises`, from the first, are to be sent.
  private var flushedBuffers = 0
  private var flushedPromises = 0
  /// How many bytes wait.
  private(set) var bytes = 0

  /// Whether there is something to send, be it only a promise to keep (that of an empty buffer).
  var hasFlushed: Bool { flushedBuffers > 0 || flushedPromises > 0 }

  mutating func append(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
    if buffer.readableBytes > 0 {
      buffers.append(buffer)
      bytes += buffer.readableBytes
    }
    if let promise { promises.append(promise) }
  }

  mutating func markFlush() {
    flushedBuffers = buffers.count
    flushedPromises = promises.count
  }

  /// - Returns: the next of what was flushed: a part of a buffer that is whole records, or one record of several buffers, or the rest.
  mutating func next() -> ByteBuffer? {
    guard flushedBuffers > 0 else { return nil }
    let first = buffers[buffers.startIndex].readableBytes
    if flushedBuffers == 1 || first >= Self.recordBytes {
      return take(flushedBuffers == 1 ? first : first - first % Self.recordBytes)
    }
    var record = ByteBuffer()
    record.reserveCapacity(Self.recordBytes)
    while flushedBuffers > 0, record.readableBytes < Self.recordBytes {
      record.writeImmutableBuffer(
        take(min(buffers[buffers.startIndex].readableBytes, Self.recordBytes - record.readableBytes)))
    }
    return record
  }

  private mutating func take(_ count: Int) -> ByteBuffer {
    bytes -= count
    let slice = buffers[buffers.startIndex].readSlice(length: count)!
    if buffers[buffers.startIndex].readableBytes == 0 {
      buffers.removeFirst()
      flushedBuffers -= 1
    }
    return slice
  }

  /// - Returns: one promise for all those of the flush, which the write of its last byte is to keep.
  mutating func takePromise(_ eventLoop: any EventLoop) -> EventLoopPromise<Void>? {
    guard flushedPromises > 0 else { return nil }
    let kept = promises.prefix(flushedPromises)
    promises.removeFirst(flushedPromises)
    flushedPromises = 0
    if kept.count == 1 { return kept.first }
    let all = eventLoop.makePromise(of: Void.self)
    all.futureResult.whenComplete { result in for promise in kept { promise.completeWith(result) } }
    return all
  }

  /// - Returns: the promises that will not be kept.
  mutating func removeAll() -> [EventLoopPromise<Void>] {
    defer { self = RecordQueue() }
    return promises
  }
}
