/// The intended differences between Linux and uwrx.
public struct Differences: Sendable {
  public struct Entry: Sendable {
    /// The option of `uwrx run` that makes it, without its dashes; nil for what differs in every run.
    public let option: String?
    public let fixture: String
    public let who: String
    public let pattern: String
    public let reason: String
  }

  public let entries: [Entry]

  /// - Parameters:
  ///   - text: lines of fixture, who (`root`, `user`, `any`), extended regular expression for a whole line, reason; with tabs between.
  ///   - optional: the same after the name of an option.
  init(parsing text: [UInt8], optional: [UInt8] = []) throws(ConformanceError) {
    entries = try Self.entries(text, hasOptions: false) + Self.entries(optional, hasOptions: true)
  }

  private static func entries(_ text: [UInt8], hasOptions: Bool) throws(ConformanceError) -> [Entry] {
    var entries: [Entry] = []
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
      var fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      let option = hasOptions ? fields.removeFirst() : nil
      guard fields.count == 4, ["root", "user", "any"].contains(fields[1]), !fields[3].isEmpty, option != "" else {
        throw ConformanceError("not \"\(hasOptions ? "option, " : "")fixture, who, pattern, reason\": \(line)")
      }
      _ = try WholeLinePattern(fields[2])
      entries.append(Entry(option: option, fixture: fields[0], who: fields[1], pattern: fields[2], reason: fields[3]))
    }
    return entries
  }

  /// The lines of a program's output without those that are intended to differ, and the indices of the entries that took any out.
  func remaining(_ bytes: [UInt8], in test: Case) throws(ConformanceError) -> (lines: [String], applied: Set<Int>) {
    var patterns: [(index: Int, pattern: WholeLinePattern)] = []
    for (index, entry) in entries.enumerated()
    where entry.fixture == test.fixture.name && ["any", test.user.rawValue].contains(entry.who)
      && (entry.option.map(test.has) ?? true)
    {
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
