import CLinux

/// 256 bits that nobody guesses who does not know what they were derived from.
struct Key: Hashable, Sendable {
  /// Little endian.
  let words: SIMD8<UInt32>

  init(words: SIMD8<UInt32>) { self.words = words }

  init(_ seed: RunSeed) {
    self = Digest("uwrx seed").adding(seed.value).finished()
  }

  /// A key for one purpose, which tells nothing of this one.
  func derived(_ purpose: StaticString, _ number: UInt64 = 0, _ bytes: [UInt8] = []) -> Key {
    Digest(purpose).adding(self).adding(number).adding(UInt64(bytes.count)).adding(bytes).finished()
  }
}

/// SHA-256 of parts of which each has a fixed length or its length before it, so that no two lists of parts are the same bytes.
private struct Digest {
  private var digest = uwrx_digest()

  init(_ purpose: StaticString) {
    uwrx_digest_begin(&digest)
    self = adding(UInt64(purpose.utf8CodeUnitCount))
    uwrx_digest_add(&digest, purpose.utf8Start, purpose.utf8CodeUnitCount)
  }

  func adding(_ number: UInt64) -> Digest {
    var result = self
    withUnsafeBytes(of: number.littleEndian) { uwrx_digest_add(&result.digest, $0.baseAddress!, $0.count) }
    return result
  }

  func adding(_ key: Key) -> Digest {
    var result = self
    withUnsafeBytes(of: key.words) { uwrx_digest_add(&result.digest, $0.baseAddress!, $0.count) }
    return result
  }

  func adding(_ bytes: [UInt8]) -> Digest {
    var result = self
    bytes.withUnsafeBytes { if let base = $0.baseAddress { uwrx_digest_add(&result.digest, base, $0.count) } }
    return result
  }

  func finished() -> Key {
    var copy = digest
    var words = SIMD8<UInt32>()
    withUnsafeMutableBytes(of: &words) {
      uwrx_digest_finish(&copy, $0.baseAddress!.assumingMemoryBound(to: UInt8.self))
    }
    return Key(words: words)
  }
}
