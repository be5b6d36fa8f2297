import Glibc

/// A line on the terminal that the next one replaces; nothing where standard error is no terminal.
final class ProgressLine: Sendable {
  private let isEnabled = isatty(2) == 1

  func show(_ text: String) { write("\r\(text)") }

  func clear() { write("\r\u{1b}[K") }

  private func write(_ text: String) {
    guard isEnabled else { return }
    var text = text
    text.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
  }
}
