/// A line that is being typed.
struct LineEditor: Sendable, Equatable {
  private(set) var text = ""

  init(_ text: String = "") {
    self.text = text
  }

  /// - Returns: false if the key is none that edits.
  mutating func handle(_ key: Key) -> Bool {
    switch key {
    case .character(let scalar) where Glyphs.width(scalar) > 0: text.unicodeScalars.append(scalar)
    case .backspace: if !text.isEmpty { text.unicodeScalars.removeLast() }
    case .delete: text = ""
    default: return false
    }
    return true
  }
}
