import Inspect

extension ViewerState {
  /// The columns before the command, as far as there is room for them.
  private struct Columns {
    var pid: Int
    var hasTimes: Bool
    var hasMemory: Bool
  }

  private func treeColumns(_ width: Int) -> Columns {
    let last = run.processes.last.map { run.number(of: $0.pid).description.count } ?? 0
    return Columns(pid: max(5, last, run.numbers.longest), hasTimes: width >= 76, hasMemory: width >= 96)
  }

  func drawTree(_ screen: inout Screen, _ area: Layout.Area) {
    let columns = treeColumns(area.columns.count)
    let header = area.rows.lowerBound
    let style = Style(.header, bold: focus == .tree)
    screen.fill(row: header, columns: area.columns, style: style)
    var title = "PID".aligned(to: columns.pid) + " STATUS    " + "TIME".aligned(to: 7) + " "
    if columns.hasTimes { title += "CPU".aligned(to: 7) + " " }
    if columns.hasMemory { title += "MEM".aligned(to: 8) + " " }
    let end = screen.put(
      title + " COMMAND", row: header, column: area.columns.lowerBound, limit: area.columns.upperBound, style: style)
    let filters = filterText
    if !filters.isEmpty {
      let text = "[\(filters)] \(Format.grouped(tree.matchCount)) of \(Format.grouped(run.processes.count)) "
      screen.put(
        text, row: header, column: max(end + 2, area.columns.upperBound - Glyphs.width(text)),
        limit: area.columns.upperBound, style: style)
    }
    for line in 0..<area.rows.count - 1 {
      let number = treePosition.top + line
      guard number < tree.rows.count else { break }
      drawRow(&screen, tree.rows[number], columns, row: header + 1 + line, area.columns)
      guard number == treePosition.selected else { continue }
      let ink: Style.Ink = focus == .tree ? .selection : .shadow
      screen.paint(row: header + 1 + line, columns: area.columns) { Style(ink, bold: $0.isBold) }
    }
    if tree.rows.isEmpty {
      let text = isFiltered ? "No process matches" : progress == .ended ? "The trace has no process" : "No process yet"
      screen.put(
        text, row: header + 1, column: area.columns.lowerBound + columns.pid + 1, limit: area.columns.upperBound,
        style: .dim)
    }
  }

  private var filterText: String {
    var parts: [String] = []
    if !treeFilter.text.isEmpty { parts.append("/" + treeFilter.text) }
    if minimalDuration > 0 { parts.append(">= \(Units.duration(minimalDuration))") }
    if showsFailuresOnly { parts.append("failed") }
    if showsCriticalOnly { parts.append("waited for") }
    return parts.joined(separator: ", ")
  }

  private func drawRow(
    _ screen: inout Screen, _ treeRow: ProcessTree.Row, _ columns: Columns, row: Int, _ range: Range<Int>
  ) {
    let process = run.processes[treeRow.process]
    let limit = range.upperBound
    var column = range.lowerBound
    func put(_ text: String, _ style: Style) {
      column = screen.put(text, row: row, column: column, limit: limit, style: style)
    }
    func faded(_ style: Style) -> Style { treeRow.isMatch ? style : .dim }
    let status = statusText(process)
    put("\(run.number(of: process.pid))".aligned(to: columns.pid) + " ", faded(.normal))
    put(status.text.cut(to: 9).text.padded(to: 10), faded(status.style))
    put(Units.duration(duration(process)).aligned(to: 7) + " ", faded(.normal))
    if columns.hasTimes {
      put((process.use.map { Units.duration($0.userTime &+ $0.systemTime) } ?? "").aligned(to: 7) + " ", .dim)
    }
    if columns.hasMemory {
      let peak = process.use?.peakMemory ?? 0
      put((peak > 0 ? Units.bytes(peak) : "").aligned(to: 8) + " ", .dim)
    }
    put(" " + branches(treeRow, width: limit - column), .dim)
    drawCommand(process, put: put, width: limit - column, faded: faded)
    if column >= limit, let last = screen.row(row).last?.character, last != " " {
      screen.put(glyphs.ellipsis, row: row, column: limit - 1, limit: limit, style: .dim)
    }
  }

  private func drawCommand(
    _ process: RunProcess, put: (String, Style) -> Void, width: Int, faded: (Style) -> Style
  ) {
    guard let program = process.program else { return put("(nothing is known)", .dim) }
    let line = commandLine(program, limit: max(16, width * 4))
    guard !process.programs.isEmpty else { return put("(fork) " + line, .dim) }
    // The program's name stands out; the summary tells the directory that it is in.
    let name = glyphs.text(programName(program))
    let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    if let first = words.first, first.hasSuffix(name), first.unicodeScalars.last != "'" {
      if !first.hasPrefix("/") { put(String(first.dropLast(name.count)), faded(.normal)) }
      put(name, faded(Style(.accent, bold: true)))
      if words.count > 1 { put(" " + words[1], faded(.normal)) }
    } else {
      put(line, faded(.normal))
    }
  }

  /// The lines that lead to a row.
  private func branches(_ row: ProcessTree.Row, width: Int) -> String {
    let children = tree.childCount(of: row.process)
    let isCollapsed = !isFiltered && tree.collapsed.contains(row.process)
    let marker = children == 0 ? "" : isCollapsed ? glyphs.closed : glyphs.open
    let count = isCollapsed ? "(\(Format.grouped(children))) " : ""
    if row.depth == 0 { return (marker.isEmpty ? " " : marker) + " " + count }
    // A deep one shows the inner levels.
    let shown = min(row.depth - 1, max(1, width / 4))
    var text = shown < row.depth - 1 ? glyphs.ellipsis : ""
    for goesOn in tree.guides(of: row, limit: shown) { text += goesOn ? glyphs.guide : "  " }
    return text + (row.isLast ? glyphs.lastBranch : glyphs.branch) + (marker.isEmpty ? glyphs.horizontal : marker) + " "
      + count
  }
}
