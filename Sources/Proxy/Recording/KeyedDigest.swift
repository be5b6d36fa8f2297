/// HMAC-SHA256 (RFC 2104): tells whether two secrets are the same to whoever has the key, and nothing to anybody else.
struct KeyedDigest: Sendable {
  private let inner: SHA256
  private let outer: SHA256

  init(key: [UInt8]) {
    var block = key
    if key.count > 64 {
      var digest = SHA256()
      digest.add(key)
      block = digest.digest
    }
    block += [UInt8](repeating: 0, count: 64 - block.count)
    var (inner, outer) = (SHA256(), SHA256())
    inner.add(block.map { $0 ^ 0x36 })
    outer.add(block.map { $0 ^ 0x5c })
    (self.inner, self.outer) = (inner, outer)
  }

  /// 64 digits.
  func hexadecimal(_ message: some Collection<UInt8>) -> String {
    var (inner, outer) = (inner, outer)
    inner.add(message)
    outer.add(inner.digest)
    return outer.hexadecimal
  }
}
