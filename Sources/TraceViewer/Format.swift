/// Numbers and columns.
enum Format {
  static func count(_ count: Int, _ noun: String, plural: String? = nil) -> String {
    "\(grouped(count)) \(count == 1 ? noun : plural ?? noun + "s")"
  }

  /// `1,234,567`.
  static func grouped(_ number: Int) -> String {
    var digits = Array(String(number))
    var position = digits.count - 3
    while position > (number < 0 ? 1 : 0) {
      digits.insert(",", at: position)
      position -= 3
    }
    return String(digits)
  }
}

extension String {
  /// With spaces in front up to a width.
  func aligned(to width: Int) -> String { String(repeating: " ", count: max(0, width - Glyphs.width(self))) + self }

  /// With spaces behind up to a width.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - Glyphs.width(self))) }

  /// At most so many cells of it, and whether that is less than all.
  func cut(to width: Int) -> (text: String, isCut: Bool) {
    var used = 0
    for index in unicodeScalars.indices {
      used += Glyphs.width(unicodeScalars[index])
      if used > width { return (String(unicodeScalars[..<index]), true) }
    }
    return (self, false)
  }
}
