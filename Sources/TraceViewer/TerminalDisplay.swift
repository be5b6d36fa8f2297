import CNcurses
import Glibc

/// The terminal by ncurses: draws what has changed, and knows the keys.
final class TerminalDisplay {
  private var shown: Screen?
  private var shownText: String?
  private(set) var rows = 0
  private(set) var columns = 0

  /// Takes the terminal of standard input and output. The locale must have been set.
  /// - Throws: a message if ncurses is missing or does not know the terminal.
  init() throws(ViewerError) {
    guard uwrx_terminal_load() == 0 else {
      throw ViewerError("the library that draws on terminals is missing: install libncursesw6")
    }
    guard uwrx_terminal_open() == 0 else {
      let type = getenv("TERM").map { String(cString: $0) } ?? ""
      throw ViewerError(
        "the terminal's type \(type.isEmpty ? "is not known: set TERM" : "\(Glyphs(isUTF8: false).text(type.utf8)) is not known here: set TERM"), as in TERM=xterm-256color uwrx ui, or install ncurses-term"
      )
    }
    for ink in Style.Ink.allCases {
      let (foreground, background) = Self.colors(ink)
      if ink != .normal { uwrx_terminal_define_colors(Int32(ink.rawValue), foreground, background) }
    }
    measure()
  }

  deinit { uwrx_terminal_close() }

  private static func colors(_ ink: Style.Ink) -> (Int32, Int32) {
    switch ink {
    case .normal: (-1, -1)
    case .good: (2, -1)
    case .bad: (1, -1)
    case .warning: (3, -1)
    case .accent: (6, -1)
    case .special: (5, -1)
    case .header: (0, 2)
    case .selection: (0, 6)
    case .shadow: (0, 7)
    }
  }

  private static func attributes(_ style: Style) -> Int32 {
    var set = UInt32(0)
    if style.isBold { set |= UWRX_BOLD.rawValue }
    if style.isDim { set |= UWRX_DIM.rawValue }
    if style.isUnderlined { set |= UWRX_UNDERLINE.rawValue }
    if uwrx_terminal_has_colors() == 0 {
      switch style.ink {
      case .header, .selection: set |= UWRX_REVERSE.rawValue
      case .shadow: set |= UWRX_UNDERLINE.rawValue
      case .bad, .warning: set |= UWRX_BOLD.rawValue
      default: break
      }
    }
    return Int32(set)
  }

  /// Asks for the size again.
  func measure() {
    var (rows, columns) = (Int32(0), Int32(0))
    uwrx_terminal_size(&rows, &columns)
    if (Int(rows), Int(columns)) != (self.rows, self.columns) { (shown, shownText) = (nil, nil) }
    (self.rows, self.columns) = (Int(rows), Int(columns))
  }

  func show(_ screen: Screen) {
    guard screen != shown else { return }
    shownText = nil
    for row in 0..<screen.rows where shown == nil || shown!.row(row) != screen.row(row) { draw(row, of: screen) }
    uwrx_terminal_flush(Int32(screen.cursor?.row ?? -1), Int32(screen.cursor?.column ?? 0))
    shown = screen
  }

  private func draw(_ row: Int, of screen: Screen) {
    var column = 0
    while column < screen.columns {
      let style = screen[row, column].style
      let start = column
      var characters: [UInt32] = []
      while column < screen.columns, screen[row, column].style == style {
        if let character = screen[row, column].character { characters.append(character.value) }
        column += 1
      }
      uwrx_terminal_draw(
        Int32(row), Int32(start), characters, characters.count, Int32(style.ink.rawValue), Self.attributes(style))
    }
  }

  /// Shows text as the terminal itself wraps it, so that a line that is selected with the mouse is one line.
  func show(plain text: String) {
    // Written again, it would take away what is being selected.
    guard text != shownText else { return }
    show(Screen(rows: rows, columns: columns))
    uwrx_terminal_forget()
    uwrx_terminal_flush(0, 0)
    write(text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n"))
    (shown, shownText) = (nil, text)
  }

  /// Sends bytes that move no cursor, such as those that fill the terminal's clipboard.
  func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
      if count < 0, errno != EINTR { return }
      bytes = bytes.dropFirst(max(0, count))
    }
  }

  /// The next key that was pressed; nil if none is left.
  func key() -> Key? {
    let code = uwrx_terminal_key()
    guard code >= 0 else { return nil }
    switch UInt32(code) {
    case UWRX_KEY_UP.rawValue: return .up
    case UWRX_KEY_DOWN.rawValue: return .down
    case UWRX_KEY_LEFT.rawValue: return .left
    case UWRX_KEY_RIGHT.rawValue: return .right
    case UWRX_KEY_PAGE_UP.rawValue: return .pageUp
    case UWRX_KEY_PAGE_DOWN.rawValue: return .pageDown
    case UWRX_KEY_HOME.rawValue: return .home
    case UWRX_KEY_END.rawValue: return .end
    case UWRX_KEY_DELETE.rawValue: return .delete
    case UWRX_KEY_BACKSPACE.rawValue: return .backspace
    case UWRX_KEY_BACK_TAB.rawValue: return .backTab
    case UWRX_KEY_ENTER.rawValue: return .enter
    case UWRX_KEY_HELP.rawValue: return .help
    default: return Unicode.Scalar(UInt32(code)).map { Key($0) } ?? .other
    }
  }

  /// Gives the terminal back while the process stops.
  func suspend() { uwrx_terminal_suspend() }

  func resume() {
    uwrx_terminal_resume()
    (shown, shownText) = (nil, nil)
    measure()
  }
}
