import COpenSSL

/// RFC 4648, 4
enum Base64 {
  static func encoded(_ bytes: [UInt8]) -> [UInt8] {
    // Four characters for three bytes, and a zero.
    var encoded = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
    let length = EVP_EncodeBlock(&encoded, bytes, Int32(bytes.count))
    return Array(encoded.prefix(Int(length)))
  }
}
