/// Breaks text that can be shown into lines.
enum Wrapping {
  /// Lines of at most so many cells that together are the text. One ends behind a space, if it has one in its second half.
  static func lines(_ text: String, width: Int) -> [String] {
    let scalars = Array(text.unicodeScalars)
    var lines: [String] = []
    var start = 0
    repeat {
      var end = start
      var used = 0
      var space: Int?
      while end < scalars.count {
        used += Glyphs.width(scalars[end])
        if used > width { break }
        end += 1
        if scalars[end - 1] == " ", (end - start) * 2 > width { space = end }
      }
      // A character that is wider than the line would stop the loop.
      if end == start, end < scalars.count { end += 1 }
      if end < scalars.count, let space { end = space }
      lines.append(String(String.UnicodeScalarView(scalars[start..<end])))
      start = end
    } while start < scalars.count
    return lines
  }
}

extension Wrapping {
  /// Text as a terminal of a width breaks it.
  static func rows(_ text: String, width: Int) -> [String] {
    var rows: [String] = []
    var row = String.UnicodeScalarView()
    var used = 0
    for scalar in text.unicodeScalars {
      let taken = Glyphs.width(scalar)
      if used + taken > max(2, width) {
        rows.append(String(row))
        row = String.UnicodeScalarView()
        used = 0
      }
      row.append(scalar)
      used += taken
    }
    return rows + [String(row)]
  }
}
