import Glibc

/// The intended differences between Linux and uwrx, from Conformance/differences.txt.
struct Differences: Sendable {
  struct ParseError: Error, CustomStringConvertible {
    let description: String
  }

  private struct Entry {
    let fixture: String
    let who: String
    let pattern: String
  }

  private let entries: [Entry]

  init() throws {
    let path = "\(Places.package)/Conformance/differences.txt"
    let text = try launch(["/bin/cat", path])
    guard text.status == 0 else { throw ParseError(description: "cannot read \(path)") }
    var entries: [Entry] = []
    for line in String(decoding: text.output, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 4, ["root", "user", "any"].contains(fields[1]), !fields[3].isEmpty else {
        throw ParseError(description: "not \"fixture, who, pattern, reason\": \(line)")
      }
      _ = try Regex(fields[2])
      entries.append(Entry(fixture: fields[0], who: fields[1], pattern: fields[2]))
    }
    self.entries = entries
  }

  /// Fixtures that an entry names and that do not exist.
  var unknownFixtures: [String] {
    entries.map(\.fixture).filter { access("\(Places.package)/Fixtures/\($0).c", F_OK) != 0 }
  }

  /// The lines that no intended difference covers.
  func remaining(_ bytes: [UInt8], in test: Case) throws -> [String] {
    let patterns = try entries.filter { $0.fixture == test.fixture && ["any", test.user.rawValue].contains($0.who) }
      .map { try Regex($0.pattern) }
    return bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
      .filter { line in !patterns.contains { line.wholeMatch(of: $0) != nil } }
  }
}

/// The differing lines with two lines around them, or nil if there are none.
func excerpt(
  _ label: String, _ old: [String], _ new: [String], names: (old: String, new: String), limit: Int = 60
) -> String? {
  let difference = new.difference(from: old)
  if difference.isEmpty { return nil }
  var removed = Set<Int>()
  var inserted = Set<Int>()
  for change in difference {
    switch change {
    case .remove(let offset, _, _): removed.insert(offset)
    case .insert(let offset, _, _): inserted.insert(offset)
    }
  }
  // Walk both at once: what was neither removed nor inserted stands at the same place in the common text.
  var marked: [(mark: Character, line: String)] = []
  var left = 0
  var right = 0
  while left < old.count || right < new.count {
    if left < old.count && removed.contains(left) {
      marked.append(("-", old[left]))
      left += 1
    } else if right < new.count && inserted.contains(right) {
      marked.append(("+", new[right]))
      right += 1
    } else {
      marked.append((" ", old[left]))
      left += 1
      right += 1
    }
  }
  var lines = ["--- \(label), \(names.old)", "+++ \(label), \(names.new)"]
  var shown = -1
  for (index, entry) in marked.enumerated() {
    let near = marked[max(0, index - 2)...min(marked.count - 1, index + 2)].contains { $0.mark != " " }
    if !near { continue }
    if shown >= 0 && index > shown + 1 { lines.append("...") }
    lines.append("\(entry.mark)\(entry.line)")
    shown = index
    if lines.count > limit {
      lines.append("... and more, \(difference.count) changes in all")
      break
    }
  }
  return lines.joined(separator: "\n")
}
