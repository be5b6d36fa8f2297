import CZlib

/// Decompresses with zlib, up to a limit.
enum Inflation {
  private static let pieceSize = 1 << 18

  /// All members of a gzip file, one behind the other.
  static func gzip(_ bytes: ArraySlice<UInt8>, limit: Int) throws(ContentLimit) -> [UInt8] {
    try inflate(bytes, windowBits: 15 + 16, limit: limit)
  }

  /// What has no header of its own, as in a zip archive.
  static func raw(_ bytes: ArraySlice<UInt8>, limit: Int) throws(ContentLimit) -> [UInt8] {
    try inflate(bytes, windowBits: -15, limit: limit)
  }

  private static func inflate(
    _ bytes: ArraySlice<UInt8>, windowBits: Int32, limit: Int
  ) throws(ContentLimit) -> [UInt8] {
    var stream = z_stream()
    guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw ContentLimit("there is no memory to decompress it")
    }
    defer { inflateEnd(&stream) }
    var output: [UInt8] = []
    var failure: ContentLimit?
    var piece = [UInt8](repeating: 0, count: pieceSize)
    bytes.withUnsafeBufferPointer { input in
      stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
      stream.avail_in = UInt32(clamping: input.count)
      while true {
        let (result, count) = piece.withUnsafeMutableBufferPointer { buffer in
          stream.next_out = buffer.baseAddress
          stream.avail_out = UInt32(buffer.count)
          let result = CZlib.inflate(&stream, Z_NO_FLUSH)
          return (result, buffer.count - Int(stream.avail_out))
        }
        guard output.count + count <= limit else {
          failure = ContentBudget.tooMuch
          return
        }
        output += piece[..<count]
        switch result {
        case Z_OK: continue
        case Z_STREAM_END:
          // Another member may follow; what else does is padding.
          guard windowBits > 15, stream.avail_in > 18, stream.next_in[0] == 0x1f, stream.next_in[1] == 0x8b else {
            return
          }
          inflateReset(&stream)
        default:
          failure = ContentLimit(result == Z_BUF_ERROR ? "it ends too early" : "it is damaged", spent: output.count)
          return
        }
      }
    }
    if let failure { throw failure }
    return output
  }
}
