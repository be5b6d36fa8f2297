/// How names stand in the text files of a trace: UTF-8 as it is, but a backslash, control characters and bytes that are no
/// UTF-8 as `\xHH`. So every name fits in a field of a line.
public enum Escaping {
  public static func escape(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    let all = Array(bytes)
    if all.allSatisfy({ $0 >= 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }) { return all }
    var result: [UInt8] = []
    var pending = all[...]
    while let first = pending.first {
      let length = characterLength(pending)
      // U+0080 to U+009F are control characters, too: a terminal may take them for the beginning of a sequence.
      let isControl =
        first < 0x20 || first == 0x7f || (first == 0xc2 && length == 2 && pending[pending.startIndex + 1] < 0xa0)
      if length == 0 || isControl || first == UInt8(ascii: "\\") {
        result += [UInt8(ascii: "\\"), UInt8(ascii: "x"), digit(first >> 4), digit(first & 15)]
        pending = pending.dropFirst()
      } else {
        result += pending.prefix(length)
        pending = pending.dropFirst(length)
      }
    }
    return result
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
