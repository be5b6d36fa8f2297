import Inspect

extension ViewerState {
  func drawDetails(_ screen: inout Screen, _ area: Layout.Area) {
    drawTabs(&screen, row: area.rows.lowerBound, area.columns)
    var row = area.rows.lowerBound + 1
    let heading = paneHeading
    if !heading.isEmpty {
      draw(heading, &screen, row: row, area.columns, offset: 0)
      row += 1
    }
    let first = row
    while row < area.rows.upperBound {
      let number = panePosition.top + row - first
      guard number < pane.count else { break }
      draw(paneLine(number, width: area.columns.count), &screen, row: row, area.columns, offset: paneOffset)
      if focus == .details, number == panePosition.selected {
        screen.paint(row: row, columns: area.columns) { Style(.selection, bold: $0.isBold) }
      }
      row += 1
    }
    drawPosition(&screen, area, height: area.rows.upperBound - first)
  }

  private func drawTabs(_ screen: inout Screen, row: Int, _ range: Range<Int>) {
    let bar = Style(.shadow)
    screen.fill(row: row, columns: range, style: bar)
    var column = range.lowerBound
    // Where the names have no room, their numbers do.
    let isNarrow = range.count < 66
    for candidate in Tab.allCases {
      let isCurrent = candidate == tab
      let name = isNarrow && !isCurrent ? "" : " " + candidate.title
      column = screen.put(
        " \(candidate.rawValue + 1)\(name) ", row: row, column: column, limit: range.upperBound,
        style: isCurrent ? Style(.header, bold: focus == .details) : bar)
    }
    guard let process = current else { return }
    let filter = paneFilters[tab.rawValue].text
    var name = "\(run.number(of: process.pid)) \(shortName(process.pid).cut(to: 15).text) "
    if !filter.isEmpty { name = "[/\(filter)]  " + name }
    screen.put(
      name, row: row, column: max(column + 1, range.upperBound - Glyphs.width(name)), limit: range.upperBound,
      style: Style(.shadow, bold: !filter.isEmpty))
  }

  private func draw(_ spans: [Span], _ screen: inout Screen, row: Int, _ range: Range<Int>, offset: Int) {
    var hidden = offset
    var column = range.lowerBound + 1
    for span in spans {
      var text = span.text
      if hidden > 0 {
        let (skipped, isCut) = text.cut(to: hidden)
        hidden -= isCut ? hidden : Glyphs.width(skipped)
        text = String(text.unicodeScalars.dropFirst(skipped.unicodeScalars.count))
      }
      let end = screen.put(text, row: row, column: column, limit: range.upperBound, style: span.style)
      if Glyphs.width(text) > end - column {
        screen.put(glyphs.ellipsis, row: row, column: range.upperBound - 1, limit: range.upperBound, style: .dim)
        return
      }
      column = end
    }
  }

  /// How far down the list is, where not all of it is seen.
  private func drawPosition(_ screen: inout Screen, _ area: Layout.Area, height: Int) {
    guard pane.count > height, height > 1 else { return }
    let end = min(panePosition.top + height, pane.count)
    let text = " \(Format.grouped(panePosition.top + 1))-\(Format.grouped(end)) of \(Format.grouped(pane.count)) "
    screen.put(
      text, row: area.rows.upperBound - 1, column: area.columns.upperBound - text.count,
      limit: area.columns.upperBound, style: Style(.shadow))
  }
}
