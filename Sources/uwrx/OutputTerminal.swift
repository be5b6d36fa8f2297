import Glibc
import SystemPackage

/// What standard output leads to.
enum OutputTerminal {
  /// Columns; nil if it is no terminal.
  static var width: Int? {
    var size = winsize()
    guard isatty(1) == 1, ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  /// Whether the user's locale is one of UTF-8.
  static var isUTF8: Bool {
    for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
      guard let value = getenv(name), value.pointee != 0 else { continue }
      let locale = String(cString: value).lowercased()
      return locale.contains("utf-8") || locale.contains("utf8")
    }
    return false
  }

  /// Waits, but no longer than somebody reads.
  /// - Returns: whether anybody does.
  static func wait(milliseconds: Int32) throws(Errno) -> Bool {
    // Without events to wait for only its end is told.
    var output = pollfd(fd: 1, events: 0, revents: 0)
    let count = poll(&output, 1, milliseconds)
    if count < 0, errno != EINTR { throw Errno(rawValue: errno) }
    return count <= 0
  }
}
