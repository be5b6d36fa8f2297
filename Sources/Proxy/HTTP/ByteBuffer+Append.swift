import NIOCore

extension ByteBuffer {
  /// Adds bytes at the end; without a copy where there was nothing.
  mutating func append(_ bytes: ByteBuffer) {
    if readableBytes == 0 { self = bytes } else { writeImmutableBuffer(bytes) }
  }
}
