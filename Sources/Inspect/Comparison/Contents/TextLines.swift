/// Contents that are lines of text.
enum TextLines {
  /// As many lines are shown, and so many bytes of each.
  private static let mostLines = 40
  private static let longestLine = 400
  /// Beyond that, the bytes are compared.
  private static let largest = 4 << 20

  static func areText(_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) -> Bool {
    isText(first) && isText(second)
  }

  private static func isText(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard bytes.count <= largest, !bytes.prefix(8000).contains(0) else { return false }
    return bytes.withContiguousStorageIfAvailable { String(validating: $0, as: UTF8.self) != nil } ?? false
  }

  static func difference(_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) -> ContentFinding.Kind {
    var lines: [ContentFinding.Line] = []
    var hidden = 0
    LineDiff(Array(first), Array(second)).forEachHunkLine { mark, text in
      guard lines.count < mostLines else {
        hidden += 1
        return
      }
      let line = text.last == UInt8(ascii: "\n") ? text.dropLast() : text
      // Else two lines that differ in that alone would look the same.
      let end = text.last == UInt8(ascii: "\n") ? "" : " (without a newline)"
      lines.append(ContentFinding.Line(mark: mark, text: Array(line.prefix(longestLine)) + end.utf8))
    }
    return .lines(lines, hidden: hidden)
  }
}
