/// What a terminal is to show.
public enum Frame: Sendable, Equatable {
  case grid(Screen)
  /// Text that the terminal itself wraps, from its upper left corner on, and a hint below.
  case text(String)
}

/// Where the parts of the screen are.
struct Layout: Equatable {
  /// Of rows and columns.
  struct Area: Equatable {
    var rows: Range<Int>
    var columns: Range<Int>
  }

  var tree: Area?
  var details: Area?
  /// The column of a line between the two.
  var divider: Int?

  static let leastRows = 8
  static let leastColumns = 40

  /// - Parameters:
  ///   - alone: the part that has the screen for itself where there is no room for both, or if it `isZoomed`.
  ///   - needed: the tree makes no use of more rows.
  init(rows: Int, columns: Int, alone: ViewerState.Focus, isZoomed: Bool, needed: Int) {
    let body = 1..<max(1, rows - 1)
    let all = Area(rows: body, columns: 0..<columns)
    if isZoomed || rows < 20 && columns < 150 || columns < 60 {
      tree = alone == .tree ? all : nil
      details = alone == .details ? all : nil
    } else if columns >= 150 {
      let middle = columns * 55 / 100
      tree = Area(rows: body, columns: 0..<middle)
      details = Area(rows: body, columns: middle + 1..<columns)
      divider = middle
    } else {
      let middle = body.lowerBound + min((body.count + 1) / 2, max(needed, 6))
      tree = Area(rows: body.lowerBound..<middle, columns: 0..<columns)
      details = Area(rows: middle..<body.upperBound, columns: 0..<columns)
    }
  }
}

extension ViewerState {
  var layout: Layout {
    // Of all processes, so that nothing moves when a filter is typed.
    Layout(rows: rows, columns: columns, alone: focus, isZoomed: isZoomed, needed: run.processes.count + 2)
  }

  var isTooSmall: Bool { rows < Layout.leastRows || columns < Layout.leastColumns }

  /// The rows of the tree, under its header.
  var treeHeight: Int { max(1, (layout.tree?.rows.count ?? rows) - 1) }

  /// The rows of the pane, under its tabs and its heading.
  var detailsHeight: Int { max(1, (layout.details?.rows.count ?? rows) - 1 - (paneHeading.isEmpty ? 0 : 1)) }

  var detailsWidth: Int { (layout.details?.columns.count ?? columns) - 2 }

  /// What is to be seen now.
  public mutating func frame() -> Frame {
    if case .text(let copy, let page) = mode { return .text(textPage(copy, page: page)) }
    var screen = Screen(rows: rows, columns: columns)
    if isTooSmall {
      for (row, line) in ["The terminal is too small:", "\(columns)x\(rows); 40x8 is needed", "q quits"].enumerated() {
        screen.put(line, row: row, column: 0)
      }
      return .grid(screen)
    }
    treePosition.settle(count: tree.rows.count, height: treeHeight)
    panePosition.settle(count: pane.count, height: detailsHeight)
    drawTitle(&screen)
    if case .help(let top) = mode {
      drawHelp(&screen, top: top)
    } else {
      let layout = layout
      if let area = layout.tree { drawTree(&screen, area) }
      if let divider = layout.divider {
        for row in 1..<rows - 1 { screen.put(glyphs.vertical, row: row, column: divider, style: .dim) }
      }
      if let area = layout.details { drawDetails(&screen, area) }
    }
    drawFooter(&screen)
    return .grid(screen)
  }

  private func textPage(_ copy: CopyText, page: Int) -> String {
    let lines = Wrapping.rows(copy.text, width: columns)
    let height = max(1, rows - 2)
    let start = min(page * height, max(0, lines.count - 1))
    let end = min(start + height, lines.count)
    let more = end < lines.count || start > 0
    let isSent = hasClipboard && Clipboard.sequence(copy.text) != nil
    let clipboard = isSent ? "sent to the clipboard" : hasClipboard ? "too long for the clipboard" : "select it to copy"
    return lines[start..<end].joined() + "\n\n(\(clipboard); "
      + (more ? "part \(page + 1) of \(pageCount(copy)): space, b; q: back)" : "any key: back)")
  }

  func pageCount(_ copy: CopyText) -> Int {
    let height = max(1, rows - 2)
    return (Wrapping.rows(copy.text, width: columns).count + height - 1) / height
  }
}
