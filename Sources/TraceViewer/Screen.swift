/// A grid of styled characters: what a terminal is to show.
public struct Screen: Sendable, Equatable {
  public struct Cell: Sendable, Equatable {
    /// Nil where the character to the left takes this cell, too.
    public var character: Unicode.Scalar?
    public var style: Style
  }

  public let rows: Int
  public let columns: Int
  public private(set) var cells: [Cell]
  /// Where the terminal's cursor is to be seen; nil hides it.
  public var cursor: (row: Int, column: Int)?

  public init(rows: Int, columns: Int) {
    self.rows = max(0, rows)
    self.columns = max(0, columns)
    cells = Array(repeating: Cell(character: " ", style: .normal), count: self.rows * self.columns)
  }

  public static func == (left: Screen, right: Screen) -> Bool {
    left.columns == right.columns && left.cells == right.cells && left.cursor?.row == right.cursor?.row
      && left.cursor?.column == right.cursor?.column
  }

  public subscript(row: Int, column: Int) -> Cell { cells[row * columns + column] }

  /// The cells of a row.
  public func row(_ row: Int) -> ArraySlice<Cell> { cells[row * columns..<(row + 1) * columns] }

  /// A row's characters without the spaces at its end.
  public func text(_ row: Int) -> String {
    var text = String.UnicodeScalarView(self.row(row).compactMap(\.character))
    while text.last == " " { text.removeLast() }
    return String(text)
  }

  /// Writes text from a place on, up to a column; characters that cannot be shown must not be in it.
  /// - Parameter limit: the column that it must not reach; nil means the screen's edge.
  /// - Returns: the column behind it.
  @discardableResult
  public mutating func put(_ text: String, row: Int, column: Int, limit: Int? = nil, style: Style = .normal) -> Int {
    let limit = min(limit ?? columns, columns)
    guard row >= 0, row < rows, column >= 0 else { return column }
    var column = column
    for scalar in text.unicodeScalars {
      let width = Glyphs.width(scalar)
      guard width > 0 else { continue }
      guard column + width <= limit else { break }
      cells[row * columns + column] = Cell(character: scalar, style: style)
      if width == 2 { cells[row * columns + column + 1] = Cell(character: nil, style: style) }
      column += width
    }
    return column
  }

  /// Gives cells of a row a style, and keeps their characters.
  public mutating func paint(row: Int, columns range: Range<Int>, _ change: (Style) -> Style) {
    guard row >= 0, row < rows else { return }
    for column in range.clamped(to: 0..<columns) {
      cells[row * columns + column].style = change(cells[row * columns + column].style)
    }
  }

  /// Makes cells of a row spaces.
  public mutating func fill(row: Int, columns range: Range<Int>, style: Style) {
    guard row >= 0, row < rows else { return }
    for column in range.clamped(to: 0..<columns) {
      cells[row * columns + column] = Cell(character: " ", style: style)
    }
  }
}
