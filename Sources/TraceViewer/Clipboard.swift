/// The terminal's clipboard, which works through ssh too.
enum Clipboard {
  /// xterm takes no more in one sequence.
  private static let maximalLength = 74_994

  /// OSC 52 with a text; nil if it is too long for a terminal.
  static func sequence(_ text: String) -> String? {
    let encoded = base64(Array(text.utf8))
    return encoded.utf8.count <= maximalLength ? "\u{1b}]52;c;\(encoded)\u{7}" : nil
  }

  /// Whether a terminal of this type knows such a sequence, or at least leaves it unseen.
  static func isKnown(terminal: String) -> Bool {
    !["linux", "vt", "dumb", "ansi", "cons", "sun", "cygwin", "hurd", "unknown"].contains { terminal.hasPrefix($0) }
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".unicodeScalars)
    var result = String.UnicodeScalarView()
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for position in 0..<4 {
        result.append(position <= group.count ? digits[bits >> (18 - 6 * position) & 63] : "=")
      }
    }
    return String(result)
  }
}
