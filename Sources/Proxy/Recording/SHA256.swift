import CLinux

/// SHA-256 of bytes that come in parts.
struct SHA256 {
  private var state = uwrx_digest()

  init() { uwrx_digest_begin(&state) }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    if let base = bytes.baseAddress { uwrx_digest_add(&state, base, bytes.count) }
  }

  mutating func add(_ bytes: some Collection<UInt8>) {
    if bytes.withContiguousStorageIfAvailable({ add(UnsafeRawBufferPointer($0)) }) == nil {
      Array(bytes).withUnsafeBytes { add($0) }
    }
  }

  /// The 32 bytes. More can be added afterwards.
  var digest: [UInt8] {
    var ended = state
    var result = [UInt8](repeating: 0, count: 32)
    uwrx_digest_finish(&ended, &result)
    return result
  }

  /// 64 digits.
  var hexadecimal: String { Self.hexadecimal(digest) }

  static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
