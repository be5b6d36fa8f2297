/// The textual encoding of certificates and keys (RFC 7468).
enum PEM {
  static func encode(_ label: String, _ der: [UInt8]) -> [UInt8] {
    var result = Array("-----BEGIN \(label)-----\n".utf8)
    for start in stride(from: 0, to: der.count, by: 48) {
      result += base64(der[start..<min(start + 48, der.count)]) + [UInt8(ascii: "\n")]
    }
    return result + Array("-----END \(label)-----\n".utf8)
  }

  /// The first block of a label; nil where there is none, or no base64 in it.
  static func decode(_ label: String, _ text: [UInt8]) -> [UInt8]? {
    guard let start = find("-----BEGIN \(label)-----", in: text[...])?.upperBound,
      let end = find("-----END \(label)-----", in: text[start...])?.lowerBound
    else { return nil }
    return unbase64(text[start..<end])
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")

  private static func base64(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.endIndex)]
      let value = (0..<3).reduce(0) { $0 << 8 | ($1 < group.count ? Int(group[start + $1]) : 0) }
      for digit in 0..<4 {
        result.append(digit <= group.count ? alphabet[value >> (18 - 6 * digit) & 63] : padding)
      }
    }
    return result
  }

  private static func unbase64(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    var (value, digits, padded) = (0, 0, 0)
    for byte in text where byte != 0x0a && byte != 0x0d && byte != 0x20 && byte != 0x09 {
      if byte == padding {
        padded += 1
        continue
      }
      guard padded == 0, let digit = alphabet.firstIndex(of: byte) else { return nil }
      (value, digits) = (value << 6 | digit, digits + 1)
      if digits % 4 == 0 {
        result += [UInt8(value >> 16), UInt8(value >> 8 & 255), UInt8(value & 255)]
        value = 0
      }
    }
    switch (digits % 4, padded) {
    case (0, 0): return result
    case (2, 2): return result + [UInt8(value >> 4)]
    case (3, 1): return result + [UInt8(value >> 10), UInt8(value >> 2 & 255)]
    default: return nil
    }
  }

  private static func find(_ text: String, in bytes: ArraySlice<UInt8>) -> Range<Int>? {
    let wanted = Array(text.utf8)
    guard bytes.count >= wanted.count else { return nil }
    return (bytes.startIndex...(bytes.endIndex - wanted.count)).first {
      bytes[$0] == wanted[0] && bytes[$0..<($0 + wanted.count)].elementsEqual(wanted)
    }.map { $0..<($0 + wanted.count) }
  }
}
