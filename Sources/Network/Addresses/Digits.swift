/// Numbers as users, addresses and names write them: digits alone, no sign, no leading zero.
enum DecimalNumber {
  /// - Returns: nil for anything else than a number of up to nine digits that is not above `limit`.
  static func parse(_ text: some Collection<UInt8>, limit: Int) -> Int? {
    guard (1...9).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }),
      text.count == 1 || text.first != 0x30
    else { return nil }
    let value = text.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    return value <= limit ? value : nil
  }
}

/// Digits to the base of 16.
enum Hexadecimal {
  static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x61...0x66: digit - 0x57
    case 0x41...0x46: digit - 0x37
    default: nil
    }
  }

  /// - Parameter text: one to eight digits, else nil.
  static func number(_ text: some Collection<UInt8>) -> UInt32? {
    guard (1...8).contains(text.count) else { return nil }
    var result: UInt32 = 0
    for digit in text {
      guard let value = value(digit) else { return nil }
      result = result << 4 | UInt32(value)
    }
    return result
  }

  /// In lower case.
  static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

  /// Two lower-case digits.
  static func digits(_ byte: UInt8) -> [UInt8] { [digit(byte >> 4), digit(byte & 15)] }
}

/// Letters of ASCII.
enum ASCII {
  @inline(__always)
  static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }

  static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x7a).contains(lowercased(byte))
  }
}
