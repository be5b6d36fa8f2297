import CLinux

/// SHA-256 of names: the same on every machine and in every run, and nobody finds two names for one digest.
enum NameDigest {
  /// The 32 bytes.
  static func digest(_ bytes: [UInt8]) -> [UInt8] {
    var state = uwrx_digest()
    uwrx_digest_begin(&state)
    bytes.withUnsafeBytes { if let base = $0.baseAddress { uwrx_digest_add(&state, base, $0.count) } }
    var result = [UInt8](repeating: 0, count: 32)
    uwrx_digest_finish(&state, &result)
    return result
  }

  /// The first 128 bits in hexadecimal: 32 bytes of text.
  static func text(_ bytes: [UInt8]) -> [UInt8] { digest(bytes).prefix(16).flatMap(Hexadecimal.digits) }

  /// Two numbers of 64 bits.
  static func numbers(_ bytes: [UInt8]) -> (UInt64, UInt64) {
    let digest = digest(bytes)
    func number(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
    return (number(digest[0..<8]), number(digest[8..<16]))
  }
}
