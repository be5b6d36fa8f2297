extension ViewerState {
  private static let help: [(keys: String, meaning: String)] = [
    ("", "Moving"),
    ("Up Down k j", "one line"),
    ("PgUp PgDn ^B ^F", "one screen"),
    ("Home End g G", "the first line, the last line"),
    ("Enter", "from the tree to the details"),
    ("Esc", "back to the tree; there: remove the filter"),
    ("1 2 3 4 5", "summary, environment, files, network, output"),
    ("Tab Shift-Tab", "the next one of them, the one before"),
    ("z", "the tree or the details on the whole screen, and back"),
    ("", "In the tree"),
    ("Left Right h l", "close and open a process; to its parent, to its child"),
    ("Space", "open or close a process"),
    ("- +", "close all, open all"),
    ("p c", "to the parent, to the first child"),
    ("b Backspace", "back to where you were before a jump"),
    ("/", "show the processes with all of these words, or this pid"),
    ("n N", "the next match, the one before; without a filter: failed ones"),
    ("!", "show only processes that failed"),
    ("w", "show only what the run waited for: its critical path"),
    ("t", "hide processes that took less than 10 ms, 100 ms, 1 s"),
    ("s", "sort siblings by start, duration, processor time"),
    ("", "In the details"),
    ("Left Right h l", "scroll sideways"),
    ("/", "show the lines with all of these words"),
    ("Enter", "files: to who wrote the version; of one's own, to who read it"),
    ("f", "files: all, written, read, asked for, missed"),
    ("f", "network: all, requests, connections, names, sockets"),
    ("d", "environment: only what is not as in the parent"),
    ("", "Anywhere"),
    ("y", "the command, or the selected line, alone on the screen, and"),
    ("", " to the clipboard if the terminal knows OSC 52"),
    ("? F1", "this help"),
    ("q", "quit"),
  ]

  static var helpCount: Int { help.count }

  func drawHelp(_ screen: inout Screen, top: Int) {
    let height = rows - 2
    let first = max(0, min(top, Self.helpCount - height))
    for (line, entry) in Self.help.dropFirst(first).prefix(height).enumerated() {
      if entry.keys.isEmpty, !entry.meaning.hasPrefix(" ") {
        screen.put(entry.meaning, row: 1 + line, column: 1, style: Style(.good, bold: true))
      } else {
        screen.put(entry.keys, row: 1 + line, column: 3, style: .bold)
        screen.put(entry.meaning, row: 1 + line, column: 21)
      }
    }
  }
}
