import Tracing

/// The terminal's clipboard, which works through ssh too.
enum Clipboard {
  /// xterm takes no more in one sequence.
  private static let maximalLength = 74_994

  /// OSC 52 with a text; nil if it is too long for a terminal.
  static func sequence(_ text: String) -> String? {
    let encoded = Base64.text(Array(text.utf8))
    return encoded.utf8.count <= maximalLength ? "\u{1b}]52;c;\(encoded)\u{7}" : nil
  }

  /// Whether a terminal of this type knows such a sequence, or at least leaves it unseen.
  static func isKnown(terminal: String) -> Bool {
    !["linux", "vt", "dumb", "ansi", "cons", "sun", "cygwin", "hurd", "unknown"].contains { terminal.hasPrefix($0) }
  }
}
