import NIOCore

/// Bytes of a body that are written in one go: many small writes cost more than one, and writes that end within a page more than others.
struct RecordedPiece: Sendable {
  private(set) var parts: [ByteBuffer] = []
  private(set) var count = 0
  private var isLastOwn = false

  /// Where a piece ends in its file, which is a multiple of it.
  static let size = 256 << 10
  /// Less than this is copied: a part of a larger buffer would keep all of that.
  private static let smallest = 16 << 10

  mutating func add(_ bytes: ByteBuffer) {
    count += bytes.readableBytes
    guard bytes.readableBytes < Self.smallest else {
      parts.append(bytes)
      isLastOwn = false
      return
    }
    if !isLastOwn { parts.append(ByteBuffer()) }
    isLastOwn = true
    parts[parts.count - 1].writeImmutableBuffer(bytes)
  }

  func append(to bytes: inout [UInt8]) { for part in parts { part.withUnsafeReadableBytes { bytes += $0 } } }

  /// Adds bytes, and gives the pieces that are whole to `write`.
  mutating func add(_ bytes: ByteBuffer, _ write: (RecordedPiece) -> Void) {
    var bytes = bytes
    while bytes.readableBytes > 0 {
      guard let part = bytes.readSlice(length: min(bytes.readableBytes, Self.size - count)) else { return }
      add(part)
      if count == Self.size {
        write(self)
        self = RecordedPiece()
      }
    }
  }
}
