/// Little-endian numbers of 8 bytes and then texts with a NUL between them, as they stand in an event's name.
enum EventFields {
  static func bytes(_ numbers: [UInt64], _ texts: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    for number in numbers { withUnsafeBytes(of: number.littleEndian) { bytes += $0 } }
    return bytes + texts.joined(separator: [0])
  }

  /// - Returns: nil unless there are just so many of each.
  static func read(
    _ bytes: UnsafeBufferPointer<UInt8>, numbers count: Int, texts textCount: Int
  ) -> (numbers: [UInt64], texts: [[UInt8]])? {
    guard bytes.count >= 8 * count else { return nil }
    let texts = bytes.dropFirst(8 * count).split(
      separator: 0, maxSplits: textCount, omittingEmptySubsequences: false)
    guard texts.count == textCount else { return nil }
    let numbers = (0..<count).map {
      UInt64(littleEndian: UnsafeRawPointer(bytes.baseAddress!).loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self))
    }
    return (numbers, texts.map { Array($0) })
  }
}
