import Tracing

/// What a comparison has found, in words; names in them are escaped.
struct ComparisonWords {
  let comparison: TraceComparison

  /// "3 (4 in the second) cc -c a.c"
  func process(_ process: TraceComparison.Process) -> [UInt8] {
    let (first, second) = (number(process.first), other(process.second))
    var words = Array("\(first)".utf8)
    if second != first { words += " (\(second) in the second)".utf8 }
    return words + " ".utf8 + command(process.first, comparison.firstHistory)
  }

  func alone(_ pid: UInt32, _ history: RunHistory) -> [UInt8] {
    Array("\(history.number(of: pid)) ".utf8) + command(pid, history)
  }

  private func number(_ pid: UInt32) -> ProcessNumber { comparison.firstHistory.number(of: pid) }
  private func other(_ pid: UInt32) -> ProcessNumber { comparison.secondHistory.number(of: pid) }

  private func command(_ pid: UInt32, _ history: RunHistory) -> [UInt8] {
    history[pid].map { history.command(of: $0) } ?? []
  }

  func setting(_ setting: TraceComparison.Setting) -> [UInt8] {
    Array("\(setting.name): ".utf8) + Self.both(setting.first, setting.second)
  }

  func difference(_ difference: TraceComparison.Difference) -> [UInt8] {
    switch difference {
    case .arguments: Array("arguments".utf8)
    case .directory: Array("current directory".utf8)
    case .environment(let names):
      Array("environment: ".utf8) + names.map { Escaping.escape($0) }.joined(separator: [UInt8(ascii: " ")])
    case .executable: Array("program".utf8)
    case .status: Array("exit status".utf8)
    case .text: Array("output".utf8)
    case .textOf(let pid): Array("output of \(number(pid)), perhaps".utf8)
    case .temporaryFiles: Array("temporary files".utf8)
    case .file(let path): Array("contents: ".utf8) + Escaping.escape(path)
    case .entry(let path): Array("name, type, mode, owner or time: ".utf8) + Escaping.escape(path)
    case .sourceOnlyFirst(let path): Array("source, only in the first: ".utf8) + Escaping.escape(path)
    case .sourceOnlySecond(let path): Array("source, only in the second: ".utf8) + Escaping.escape(path)
    case .listing(let path): Array("names in a directory, changed in between: ".utf8) + Escaping.escape(path)
    case .source(let path): Array("source, changed in between: ".utf8) + Escaping.escape(path)
    case .otherSource(let path): Array("source, another file: ".utf8) + Escaping.escape(path)
    }
  }

  /// What follows the path of a file.
  func writers(_ file: TraceComparison.File) -> String {
    var words = ", "
    switch file.fates {
    case (.written, .written):
      let writers = [file.first.map(number), file.second.map(other)].map {
        $0.map { "\($0)" } ?? "nobody who is told of"
      }
      words = file.first == nil && file.second == nil ? "" : ", written by \(writers[0]) and \(writers[1])"
    case (let fate, .absent): words += "only in the first, " + Self.fate(fate, file.first.map(number))
    case (.absent, let fate): words += "only in the second, " + Self.fate(fate, file.second.map(other))
    case (let one, let two):
      words += Self.fate(one, file.first.map(number)) + " in the first, "
      words += Self.fate(two, file.second.map(other)) + " in the second"
    }
    if let culprit = file.culprit, culprit != file.first ?? file.second.flatMap({ comparison.matches[$0] }) {
      words += "; the difference is \(number(culprit))'s"
    }
    if let origin = file.origin { words += "; the difference came in with \(number(origin))" }
    return words
  }

  private static func fate(_ fate: PathFate, _ doer: ProcessNumber?) -> String {
    let by = doer.map { " by \($0)" } ?? ""
    return switch fate {
    case .written: "written" + by
    case .removed: "removed" + by
    case .unchanged: "as it was"
    case .absent: "not there"
    }
  }

  // MARK: Inside of files

  /// "data.tar.gz › ./usr/bin/x › ELF .text", or nothing for the file itself.
  static func place(_ finding: ContentFinding) -> [UInt8] {
    Array(finding.place.map { Escaping.escape($0) }.joined(separator: Array(" › ".utf8)))
  }

  /// Without the lines of a text.
  static func finding(_ kind: ContentFinding.Kind) -> [UInt8] {
    switch kind {
    case .field(let name, let first, let second): Escaping.escape(name.utf8) + " ".utf8 + both(first, second)
    case .lines: []
    case .bytes(let offset, let first, let second, let sizes):
      Array("from byte \(offset) on ".utf8) + both(first, second)
        + (sizes[0] == sizes[1] ? "" : ", of \(sizes[0]) and \(sizes[1]) bytes").utf8
    case .onlyFirst: Array("only in the first".utf8)
    case .onlySecond: Array("only in the second".utf8)
    case .order: Array("the same parts in another order".utf8)
    case .packing: Array("the same inside, but packed otherwise".utf8)
    case .unread(let reason): Array("not all was looked into: ".utf8) + Escaping.escape(reason.utf8)
    case .more(let count): Array("\(count) more differences".utf8)
    }
  }

  private static func both(_ first: [UInt8]?, _ second: [UInt8]?) -> [UInt8] {
    func shown(_ value: [UInt8]?) -> [UInt8] {
      guard let value else { return Array("nothing".utf8) }
      return value.isEmpty ? Array("\"\"".utf8) : Escaping.escape(value.prefix(longestValue))
    }
    return shown(first) + " and ".utf8 + shown(second)
  }

  /// Of a header's value, more than a line can bear.
  private static let longestValue = 200

  /// The lines of a text, each with its mark.
  static func lines(_ kind: ContentFinding.Kind) -> [ContentFinding.Line] {
    guard case .lines(let lines, let hidden) = kind else { return [] }
    let shown = lines.map {
      ContentFinding.Line(mark: $0.mark, text: $0.mark == UInt8(ascii: "@") ? $0.text : LineDiff.shown($0.text[...]))
    }
    let rest = Array("@ \(hidden) more lines".utf8)
    return hidden > 0 ? shown + [ContentFinding.Line(mark: UInt8(ascii: "@"), text: rest)] : shown
  }
}
