import SystemPackage

/// Rows of text in columns as wide as what is in them.
public struct TextTable {
  public enum Alignment: Sendable { case left, right }

  private let alignments: [Alignment]
  private var widths: [Int]
  /// All cells, row by row, and where each ends.
  private var text: [UInt8] = []
  private var ends: [Int] = []
  /// Columns of the terminal; nil means that lines are as long as they are.
  private let width: Int?

  public init(_ columns: [(title: String, alignment: Alignment)], width: Int? = nil) {
    alignments = columns.map(\.alignment)
    widths = columns.map { _ in 0 }
    self.width = width
    add(columns.map { Array($0.title.utf8) })
  }

  /// With the titles.
  public var rowCount: Int { ends.count / widths.count }

  /// - Parameter cells: one for each column; none may have a control character.
  public mutating func add(_ cells: [[UInt8]]) {
    for (index, cell) in cells.enumerated() {
      widths[index] = max(widths[index], Self.columns(cell[...]))
      text += cell
      ends.append(text.count)
    }
  }

  public mutating func add(_ cells: [String]) { add(cells.map { Array($0.utf8) }) }

  /// The last column is not padded.
  public func write(to output: OutputBuffer) throws(Errno) {
    var line: [UInt8] = []
    var start = 0
    for (position, end) in ends.enumerated() {
      let index = position % widths.count
      let cell = text[start..<end]
      start = end
      if index > 0 { line += "  ".utf8 }
      let padding = repeatElement(UInt8(ascii: " "), count: widths[index] - Self.columns(cell))
      if alignments[index] == .right { line += padding }
      line += cell
      guard index == widths.count - 1 else {
        if alignments[index] == .left { line += padding }
        continue
      }
      while line.last == UInt8(ascii: " ") { line.removeLast() }
      if let width { Self.cut(&line, to: width) }
      output.append(line)
      try output.endLine()
      line.removeAll(keepingCapacity: true)
    }
  }

  private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xc0 == 0x80 }

  /// Characters, each taken for one column wide.
  private static func columns(_ text: ArraySlice<UInt8>) -> Int { text.reduce(0) { isContinuation($1) ? $0 : $0 + 1 } }

  static func cut(_ line: inout [UInt8], to width: Int) {
    var columns = 0
    for (index, byte) in line.enumerated() where !isContinuation(byte) {
      if columns == width {
        line.removeSubrange(index...)
        return
      }
      columns += 1
    }
  }
}
