import CLinux

/// SHA-256 (FIPS 180-4), and HMAC with it (RFC 2104).
public struct SHA256: ~Copyable {
  private var state = uwrx_digest()

  public init() { uwrx_digest_begin(&state) }

  public mutating func add(_ bytes: UnsafeRawBufferPointer) {
    if let base = bytes.baseAddress { uwrx_digest_add(&state, base, bytes.count) }
  }

  public mutating func add(_ bytes: [UInt8]) { bytes.withUnsafeBytes { add($0) } }

  /// The 32 bytes of the digest.
  public consuming func finish() -> [UInt8] {
    var result = [UInt8](repeating: 0, count: 32)
    uwrx_digest_finish(&state, &result)
    return result
  }

  public static func digest(_ bytes: [UInt8]) -> [UInt8] {
    var digest = SHA256()
    digest.add(bytes)
    return digest.finish()
  }

  /// - Parameter key: of at most 64 bytes.
  public static func authenticate(_ bytes: UnsafeRawBufferPointer, key: [UInt8]) -> [UInt8] {
    let padded = key + [UInt8](repeating: 0, count: 64 - key.count)
    var inner = SHA256()
    inner.add(padded.map { $0 ^ 0x36 })
    inner.add(bytes)
    var outer = SHA256()
    outer.add(padded.map { $0 ^ 0x5c })
    outer.add(inner.finish())
    return outer.finish()
  }

  public static func authenticate(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBytes { authenticate($0, key: key) }
  }

  /// In hexadecimal.
  public static func text(_ digest: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(2 * digest.count)
    for byte in digest {
      text.append(digit(byte >> 4))
      text.append(digit(byte & 15))
    }
    return text
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
