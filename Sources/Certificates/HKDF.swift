import COpenSSL

/// HKDF with SHA-256 (RFC 5869) without salt: everything about an authority that is not its signatures comes of one seed.
struct HKDF: Sendable {
  private let key: [UInt8]

  /// - Parameter seed: what nobody else knows.
  init(seed: [UInt8]) { key = Self.mac(key: [UInt8](repeating: 0, count: 32), seed) }

  /// - Parameters:
  ///   - purpose: what the bytes are for; each purpose has bytes that tell nothing about another's.
  ///   - count: up to 8160.
  func bytes(for purpose: [UInt8], count: Int) -> [UInt8] {
    precondition(count <= 255 * 32)
    var result: [UInt8] = []
    var block: [UInt8] = []
    var number: UInt8 = 1
    while result.count < count {
      block = Self.mac(key: key, block + purpose + [number])
      result += block
      number &+= 1
    }
    return Array(result.prefix(count))
  }

  private static func mac(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 0
    let result = HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &digest, &length)
    // HMAC of bytes in memory fails only where libcrypto has no SHA-256.
    precondition(result != nil && length == 32, "libcrypto has no HMAC with SHA-256")
    return digest
  }
}
