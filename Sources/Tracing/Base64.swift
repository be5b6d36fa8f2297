/// The encoding of bytes as text (RFC 4648, 4).
package enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")
  private static let notADigit: UInt8 = 64
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: notADigit, count: 256)
    for (value, digit) in alphabet.enumerated() { values[Int(digit)] = UInt8(value) }
    return values
  }()

  package static func isDigit(_ byte: UInt8) -> Bool { values[Int(byte)] != notADigit }

  package static func append(_ bytes: UnsafeBufferPointer<UInt8>, to text: inout [UInt8]) {
    text.reserveCapacity(text.count + (bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - start)
      var value = 0
      for place in 0..<3 { value = value << 8 | (place < count ? Int(bytes[start + place]) : 0) }
      for digit in 0..<4 { text.append(digit <= count ? alphabet[value >> (18 - 6 * digit) & 63] : padding) }
    }
  }

  package static func text(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    bytes.withUnsafeBufferPointer { append($0, to: &text) }
    return String(decoding: text, as: UTF8.self)
  }

  /// What digits stand for; what else there is between them counts for nothing, as in a PEM block (RFC 7468, 2).
  package static func decode(_ text: some Sequence<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    var (value, bits) = (0, 0)
    for byte in text where isDigit(byte) {
      value = (value << 6 | Int(values[Int(byte)])) & 0xffff
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(value >> bits & 0xff))
      }
    }
    return bytes
  }
}
