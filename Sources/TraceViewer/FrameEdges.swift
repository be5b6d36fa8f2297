import Inspect

extension ViewerState {
  func drawTitle(_ screen: inout Screen) {
    let (mark, style): (String, Style) =
      switch progress {
      case .reading: ("\(glyphs.running) reading ", Style(.warning, bold: true))
      case .running: ("\(glyphs.running) running ", Style(.accent, bold: true))
      case .ended: isIncomplete ? ("incomplete ", Style(.warning, bold: true)) : ("ended ", .bold)
      }
    var counts = "  " + Format.count(run.processes.count, "process", plural: "processes")
    if runningCount > 0, progress != .ended { counts += ", \(Format.grouped(runningCount)) running" }
    if skipCount > 0 { counts += ", \(Format.grouped(skipCount)) skipped" }
    let failures = failureCount > 0 ? ", \(Format.grouped(failureCount)) failed" : ""
    let time = "  " + Units.duration(wholeDuration) + "  "
    let right = Glyphs.width(counts + failures + time + mark)
    let left = screen.put("uwrx ui  ", row: 0, column: 0, style: Style(.good, bold: true))
    // The end of a path says more than its beginning.
    let room = max(0, columns - right - left)
    var name = path
    while Glyphs.width(name) > room, !name.isEmpty {
      name = glyphs.ellipsis + String(name.unicodeScalars.dropFirst(name.hasPrefix(glyphs.ellipsis) ? 2 : 1))
      if Glyphs.width(name) == 1 { break }
    }
    let end = screen.put(name, row: 0, column: left, limit: left + room, style: .bold)
    let shown = command.cut(to: max(0, left + room - end - 3))
    screen.put(
      "  " + shown.text + (shown.isCut ? glyphs.ellipsis : ""), row: 0, column: end, limit: left + room)
    var column = max(left, columns - right)
    column = screen.put(counts, row: 0, column: column)
    column = screen.put(failures, row: 0, column: column, style: Style(.bad, bold: true))
    column = screen.put(time, row: 0, column: column)
    screen.put(mark, row: 0, column: column, style: style)
  }

  private var wholeDuration: UInt64 {
    let end = progress == .running ? max(now, run.lastTime) : run.lastTime
    return end > run.firstTime ? end - run.firstTime : 0
  }

  func drawFooter(_ screen: inout Screen) {
    let row = rows - 1
    if case .typing = mode {
      let filter = focus == .tree ? treeFilter : paneFilters[tab.rawValue]
      let label = focus == .tree ? "Filter processes: " : "Filter \(tab.title.lowercased()): "
      let start = screen.put(label, row: row, column: 0, style: .bold)
      let hint = "  Enter: keep  Esc: clear"
      let room = max(8, columns - start - 1)
      var typed = filter.text
      while Glyphs.width(typed) > room { typed.unicodeScalars.removeFirst() }
      let end = screen.put(typed, row: row, column: start, limit: columns - 1)
      screen.put(hint, row: row, column: max(end + 2, columns - hint.count), style: .dim)
      screen.cursor = (row, end)
      return
    }
    if let message {
      screen.put(message, row: row, column: 0, style: Style(.warning, bold: true))
      return
    }
    var column = 0
    for (key, meaning) in hints where column + Glyphs.width(key + meaning) + 1 < columns {
      column = screen.put(key + " ", row: row, column: column, style: Style(.accent, bold: true))
      column = screen.put(meaning, row: row, column: column) + 2
    }
    if let notice {
      let text = " ! \(notice) "
      screen.put(
        text, row: row, column: max(min(column, columns / 2), columns - Glyphs.width(text)),
        style: Style(.bad, bold: true))
    }
  }

  /// The keys that matter most where the user is.
  private var hints: [(String, String)] {
    if case .help = mode { return [("Esc", "Back"), ("Up/Down", "Scroll")] }
    if focus == .tree {
      return [
        ("?", "Help"), ("q", "Quit"), ("/", "Filter"), ("Enter", "Details"), ("1-5", "Tab"), ("y", "Copy"),
        ("p", "Parent"), ("c", "Child"), ("b", "Back"), ("s", "Sort"), ("!", "Failed"), ("z", "Zoom"),
      ]
    }
    var hints = [("?", "Help"), ("q", "Quit"), ("Esc", "Tree"), ("1-5", "Tab"), ("/", "Filter"), ("y", "Copy")]
    switch tab {
    case .environment: hints.append(("d", "Differences"))
    case .network: hints.append(("f", "Group"))
    case .files: hints += [("f", "Group"), ("Enter", "Writer or reader")]
    default: break
    }
    return hints + [("z", "Zoom"), ("b", "Back")]
  }
}
