import Glibc
import Tracing

/// A path and all below it. With `*`, `?` or `[` what fnmatch(3) matches, where `*` also matches slashes. What does not begin with a
/// slash may begin in any directory.
public struct PathPattern: Sendable {
  /// Plain bytes, or what fnmatch(3) takes.
  private let text: [UInt8]
  private let isGlob: Bool

  /// - Parameter text: plain, or escaped as in what `uwrx inspect` prints.
  public init(_ text: String) {
    var bytes = Escaping.unescape(text.utf8) ?? Array(text.utf8)
    while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    isGlob = bytes.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }
    if isGlob, bytes.first != UInt8(ascii: "/"), bytes.first != UInt8(ascii: "*") { bytes = Array("*/".utf8) + bytes }
    self.text = isGlob ? bytes + [0] : bytes
  }

  /// - Parameter path: absolute.
  public func matches(_ path: [UInt8]) -> Bool {
    if isGlob {
      return text.withUnsafeBytes { pattern in
        (path + [0]).withUnsafeBytes { path in
          fnmatch(
            pattern.assumingMemoryBound(to: CChar.self).baseAddress!,
            path.assumingMemoryBound(to: CChar.self).baseAddress!,
            Self.fnmLeadingDirectory) == 0
        }
      }
    }
    let slash = UInt8(ascii: "/")
    func ends(at index: Int) -> Bool { index == path.count || path[index] == slash }
    if text.isEmpty { return true }
    if text[0] == slash { return path.starts(with: text) && ends(at: text.count) }
    for index in path.indices where path[index] == slash {
      if path[(index + 1)...].starts(with: text), ends(at: index + 1 + text.count) { return true }
    }
    return false
  }

  /// FNM_LEADING_DIR, which Swift does not import: what is below a path that matches does, too.
  private static let fnmLeadingDirectory: Int32 = 8
}
