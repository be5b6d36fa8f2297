/// How names stand in the text files of a trace, and in all that uwrx says of them: UTF-8 as it is, but a backslash, characters that
/// deceive a reader (`isHidden`) and bytes that are no UTF-8 as `\xHH`. So every name fits in a field of a line.
public enum Escaping {
  /// Characters that a terminal obeys instead of showing, that change the order in which others are shown, or that nobody sees: the
  /// categories Cc, Zl and Zp, the bidirectional controls and Default_Ignorable_Code_Point of Unicode 15.
  private static let hidden: [ClosedRange<UInt32>] = [
    0x00...0x1f, 0x7f...0x9f, 0xad...0xad, 0x34f...0x34f, 0x61c...0x61c, 0x115f...0x1160, 0x17b4...0x17b5,
    0x180b...0x180f, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0x3164...0x3164, 0xfe00...0xfe0f,
    0xfeff...0xfeff, 0xffa0...0xffa0, 0xfff0...0xfffb, 0x1bca0...0x1bca3, 0x1d173...0x1d17a, 0xe0000...0xe0fff,
  ]

  /// Whether a character must not be shown as it is.
  public static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    let value = scalar.value
    if value < 0x7f { return value < 0x20 }
    return hidden.contains { $0.contains(value) }
  }

  /// A message for the user, which may quote names of any kind: its hidden characters are escaped, a backslash stays what it is.
  public static func shown(_ message: String) -> String {
    if !message.unicodeScalars.contains(where: isHidden) { return message }
    var result = ""
    for scalar in message.unicodeScalars {
      if isHidden(scalar) {
        result += String(decoding: escape(UTF8.encode(scalar)!), as: UTF8.self)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  public static func escape(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    let all = Array(bytes)
    if all.allSatisfy({ $0 >= 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }) { return all }
    var result: [UInt8] = []
    result.reserveCapacity(2 * all.count)
    var index = 0
    while index < all.count {
      let length = characterLength(all[index...])
      let end = index + max(1, length)
      if length == 0 || all[index] == UInt8(ascii: "\\") || isHidden(scalar(all[index..<end])) {
        for byte in all[index..<end] { append(code: byte, to: &result) }
      } else {
        result += all[index..<end]
      }
      index = end
    }
    return result
  }

  private static func append(code byte: UInt8, to result: inout [UInt8]) {
    result.append(UInt8(ascii: "\\"))
    result.append(UInt8(ascii: "x"))
    result.append(digit(byte >> 4))
    result.append(digit(byte & 15))
  }

  /// - Parameter bytes: those of one character.
  private static func scalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar {
    let first = UInt32(bytes[bytes.startIndex] & (bytes.count == 1 ? 0x7f : 0x3f >> UInt8(bytes.count - 1)))
    return Unicode.Scalar(bytes.dropFirst().reduce(first) { $0 << 6 | UInt32($1 & 0x3f) }) ?? "\u{fffd}"
  }

  /// - Returns: nil if this is nothing that `escape` makes.
  public static func unescape(_ bytes: some Collection<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    var rest = bytes[...]
    while let first = rest.first {
      guard first == UInt8(ascii: "\\") else {
        result.append(first)
        rest = rest.dropFirst()
        continue
      }
      let code = Array(rest.prefix(4))
      guard code.count == 4, code[1] == UInt8(ascii: "x"), let high = value(code[2]), let low = value(code[3]) else {
        return nil
      }
      result.append(high << 4 | low)
      rest = rest.dropFirst(4)
    }
    return result
  }

  /// The bytes of the UTF-8 character at the start, or 0 if there is none (RFC 3629).
  private static func characterLength(_ bytes: ArraySlice<UInt8>) -> Int {
    let first = bytes[bytes.startIndex]
    let length: Int
    switch first {
    case 0..<0x80: return 1
    case 0xc2...0xdf: length = 2
    case 0xe0...0xef: length = 3
    case 0xf0...0xf4: length = 4
    default: return 0
    }
    guard bytes.count >= length, bytes.prefix(length).dropFirst().allSatisfy({ $0 & 0xc0 == 0x80 }) else { return 0 }
    let second = bytes[bytes.startIndex + 1]
    // Overlong forms, surrogates, and what is beyond U+10FFFF.
    switch (first, second) {
    case (0xe0, ..<0xa0), (0xed, 0xa0...), (0xf0, ..<0x90), (0xf4, 0x90...): return 0
    default: return length
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x61...0x66: digit - 0x57
    case 0x41...0x46: digit - 0x37
    default: nil
    }
  }
}
