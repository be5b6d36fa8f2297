import CLinux

/// 256 bits that nobody guesses who does not know what they were derived from.
struct Key: Hashable, Sendable {
  /// Little endian.
  let words: SIMD8<UInt32>

  init(words: SIMD8<UInt32>) { self.words = words }

  init(_ seed: RunSeed) {
    self.init(hashing: Self.bytes("uwrx seed") + Self.bytes(seed.value))
  }

  /// A key for one purpose, which tells nothing of this one.
  func derived(_ purpose: StaticString, _ number: UInt64 = 0, _ bytes: [UInt8] = []) -> Key {
    let own = withUnsafeBytes(of: words) { Array($0) }
    return Key(hashing: Self.bytes(purpose) + own + Self.bytes(number) + Self.bytes(UInt64(bytes.count)) + bytes)
  }

  /// SHA-256 of parts of which each has a fixed length or its length before it, so that no two lists of parts are the same bytes.
  private init(hashing parts: [UInt8]) {
    var digest = uwrx_digest()
    uwrx_digest_begin(&digest)
    uwrx_digest_add(&digest, parts, parts.count)
    var words = SIMD8<UInt32>()
    withUnsafeMutableBytes(of: &words) {
      uwrx_digest_finish(&digest, $0.baseAddress!.assumingMemoryBound(to: UInt8.self))
    }
    self.init(words: words)
  }

  private static func bytes(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }

  private static func bytes(_ purpose: StaticString) -> [UInt8] {
    bytes(UInt64(purpose.utf8CodeUnitCount))
      + UnsafeBufferPointer(start: purpose.utf8Start, count: purpose.utf8CodeUnitCount)
  }
}
