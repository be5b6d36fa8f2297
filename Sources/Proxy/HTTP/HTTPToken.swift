/// Words of HTTP's grammar (RFC 9110, 5.6).
enum HTTPToken {
  static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }

  private static let isTokenByte: [Bool] = (0..<256).map { byte in
    let byte = UInt8(byte)
    return (0x30...0x39).contains(byte) || (0x61...0x7a).contains(lowercased(byte))
      || "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }

  static func isToken(_ bytes: ArraySlice<UInt8>) -> Bool {
    !bytes.isEmpty && bytes.allSatisfy { isTokenByte[Int($0)] }
  }

  /// - Parameter name: in lower case.
  static func equals(_ bytes: ArraySlice<UInt8>, _ name: String) -> Bool {
    bytes.count == name.utf8.count && zip(bytes, name.utf8).allSatisfy { lowercased($0) == $1 }
  }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var bytes = bytes.drop(while: isSpace)
    while let last = bytes.last, isSpace(last) { bytes.removeLast() }
    return bytes
  }

  /// - Returns: nil for what is not one to eighteen decimal digits.
  static func number(_ bytes: some Collection<UInt8>) -> Int? {
    guard (1...18).contains(bytes.count), bytes.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return bytes.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  /// - Returns: nil for what is not one to fifteen hexadecimal digits.
  static func hexadecimal(_ bytes: some Collection<UInt8>) -> Int? {
    guard (1...15).contains(bytes.count) else { return nil }
    var result = 0
    for byte in bytes {
      switch byte {
      case 0x30...0x39: result = result << 4 | Int(byte - 0x30)
      case 0x41...0x46, 0x61...0x66: result = result << 4 | Int((byte | 0x20) - 0x57)
      default: return nil
      }
    }
    return result
  }
}
