extension DNSName: CustomStringConvertible, LosslessStringConvertible {
  /// - Parameter text: labels with dots between and, if one likes, after them; `\.` and the like for a byte that has a meaning, `\DDD`
  ///   for any byte (RFC 1035, section 5.1). `.` is the root.
  /// - Returns: nil if that is no name.
  public init?(text: some Sequence<UInt8>) {
    var labels: [[UInt8]] = []
    var label: [UInt8] = []
    // Longer than the longest with all bytes as `\DDD`.
    let bytes = Array(text.prefix(1100))
    if bytes == [UInt8(ascii: ".")] {
      self = .root
      return
    }
    var index = 0
    while index < bytes.count {
      var byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: ".") {
        labels.append(label)
        label = []
        continue
      }
      if byte == UInt8(ascii: "\\") {
        guard index < bytes.count else { return nil }
        byte = bytes[index]
        if (0x30...0x39).contains(byte) {
          guard let value = Self.code(bytes[index...].prefix(3)) else { return nil }
          byte = value
          index += 3
        } else {
          index += 1
        }
      }
      label.append(byte)
    }
    if !label.isEmpty { labels.append(label) }
    guard !labels.isEmpty else { return nil }
    self.init(labels: labels)
  }

  public init?(_ text: String) { self.init(text: text.utf8) }

  private static func code(_ digits: ArraySlice<UInt8>) -> UInt8? {
    guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return UInt8(exactly: digits.reduce(0) { $0 * 10 + Int($1 - 0x30) })
  }

  /// The name without a dot at its end, `.` for the root; any byte but letters, digits, `-`, `_` and `*` is escaped, so that what is
  /// printed is ASCII without spaces, and is never an address (where a colon stands between hexadecimal numbers).
  public var text: [UInt8] {
    if isRoot { return [UInt8(ascii: ".")] }
    var text: [UInt8] = []
    for label in labels {
      if !text.isEmpty { text.append(UInt8(ascii: ".")) }
      for byte in label {
        if Self.isPlain(byte) {
          text.append(byte)
        } else if (0x21...0x7e).contains(byte) {
          text += [UInt8(ascii: "\\"), byte]
        } else {
          text += [UInt8(ascii: "\\"), 0x30 + byte / 100, 0x30 + byte / 10 % 10, 0x30 + byte % 10]
        }
      }
    }
    return text
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    ASCII.isLetterOrDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "*")
  }

  public var description: String { String(decoding: text, as: UTF8.self) }
}
