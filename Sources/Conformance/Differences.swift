/// The intended differences between Linux and uwrx.
public struct Differences: Sendable {
  public struct Entry: Sendable {
    public let fixture: String
    public let who: String
    public let pattern: String
    public let reason: String
  }

  public let entries: [Entry]

  /// Lines of fixture, who (`root`, `user`, `any`), extended regular expression for a whole line, reason; with tabs between.
  init(parsing text: [UInt8]) throws(ConformanceError) {
    var entries: [Entry] = []
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 4, ["root", "user", "any"].contains(fields[1]), !fields[3].isEmpty else {
        throw ConformanceError("not \"fixture, who, pattern, reason\": \(line)")
      }
      _ = try WholeLinePattern(fields[2])
      entries.append(Entry(fixture: fields[0], who: fields[1], pattern: fields[2], reason: fields[3]))
    }
    self.entries = entries
  }

  /// The lines of a program's output without those that are intended to differ, and the indices of the entries that took any out.
  func remaining(_ bytes: [UInt8], in test: Case) throws(ConformanceError) -> (lines: [String], applied: Set<Int>) {
    var patterns: [(index: Int, pattern: WholeLinePattern)] = []
    for (index, entry) in entries.enumerated()
    where entry.fixture == test.fixture.name && ["any", test.user.rawValue].contains(entry.who) {
      patterns.append((index, try WholeLinePattern(entry.pattern)))
    }
    var lines: [String] = []
    var applied: Set<Int> = []
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      if let match = patterns.first(where: { $0.pattern.matches(line) }) {
        applied.insert(match.index)
      } else {
        lines.append(String(decoding: line, as: UTF8.self))
      }
    }
    return (lines, applied)
  }
}
