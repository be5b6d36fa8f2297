import CNcurses
import Inspect
import Tracing

/// What a terminal can show, and what stands for the rest: no byte of a guest reaches a terminal but through here.
public struct Glyphs: Sendable {
  public let isUTF8: Bool

  public init(isUTF8: Bool) {
    self.isUTF8 = isUTF8
  }

  var ellipsis: String { isUTF8 ? "…" : "~" }
  var branch: String { isUTF8 ? "├─" : "|-" }
  var lastBranch: String { isUTF8 ? "└─" : "`-" }
  var guide: String { isUTF8 ? "│ " : "| " }
  var open: String { isUTF8 ? "▾" : "-" }
  var closed: String { isUTF8 ? "▸" : "+" }
  var horizontal: String { isUTF8 ? "─" : "-" }
  var vertical: String { isUTF8 ? "│" : "|" }
  var running: String { isUTF8 ? "●" : "*" }
  var arrow: String { isUTF8 ? "←" : "<-" }

  /// The cells that a character takes; 0 if it must not be shown.
  static func width(_ scalar: Unicode.Scalar) -> Int {
    if Escaping.isHidden(scalar) { return 0 }
    return scalar.isASCII ? 1 : Int(max(0, uwrx_character_width(scalar.value)))
  }

  static func width(_ text: String) -> Int {
    var total = 0
    for scalar in text.unicodeScalars { total += width(scalar) }
    return total
  }

  private func canShow(_ scalar: Unicode.Scalar) -> Bool { Self.width(scalar) > 0 && (isUTF8 || scalar.isASCII) }

  /// A piece of text that is shown as it is, or of something that stands for bytes that cannot be.
  public struct Piece: Sendable, Equatable {
    public var text: String
    public var isEscape: Bool
  }

  /// Splits bytes into what can be shown and escapes for what cannot: `\xHH` for a byte, `\u{H}` for a character.
  /// - Parameter isLiteral: a backslash stands for itself: the escapes are told by their style.
  public func pieces(_ bytes: some Sequence<UInt8>, isLiteral: Bool = false) -> [Piece] {
    var pieces: [Piece] = []
    func add(_ text: String, _ isEscape: Bool) {
      if pieces.last?.isEscape == isEscape {
        pieces[pieces.count - 1].text += text
      } else {
        pieces.append(Piece(text: text, isEscape: isEscape))
      }
    }
    Characters.decode(bytes) { scalar, raw in
      if let scalar, scalar == "\\", !isLiteral {
        add("\\\\", true)
      } else if let scalar, canShow(scalar) {
        add(String(scalar), false)
      } else if let scalar, scalar.value >= 0x80 {
        add("\\u{" + String(scalar.value, radix: 16) + "}", true)
      } else {
        add(Self.escape(scalar.map { UInt8($0.value) } ?? raw), true)
      }
    }
    return pieces
  }

  /// Bytes as text that can be shown.
  public func text(_ bytes: some Sequence<UInt8>) -> String {
    var result = ""
    for piece in pieces(bytes) { result += piece.text }
    return result
  }

  private static func escape(_ byte: UInt8) -> String {
    switch byte {
    case 0x09: "\\t"
    case 0x0a: "\\n"
    case 0x0d: "\\r"
    default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
  }

  /// A word of a command line, quoted for a shell where it must be.
  public func quoted(_ word: some Collection<UInt8>) -> String { CommandText.quoted(word, canShow: canShow) }
}
