import Inspect

/// A variable, and what became of it since the parent.
struct EnvironmentLine: Sendable, Equatable {
  enum Change: Sendable { case same, added, changed, removed }

  var name: [UInt8]
  /// What it was, if it was removed.
  var value: [UInt8]?
  var change: Change
}

struct EnvironmentContent: Sendable {
  var lines: [EnvironmentLine]
  /// All variables, and what is different of them; nil if there is nothing to compare with.
  var total: Int
  var differenceCount: Int?
  /// What it is compared with.
  var origin: String
  var isKnown: Bool
  var isCut: Bool
}

extension ViewerState {
  func environmentContent(_ process: RunProcess) -> EnvironmentContent {
    guard let program = process.program, let environment = run.environment(program.environment) else {
      return EnvironmentContent(lines: [], total: 0, differenceCount: nil, origin: "", isKnown: false, isCut: false)
    }
    let difference = run.environmentDifference(of: process.pid)
    var changes: [[UInt8]: EnvironmentLine.Change] = [:]
    for variable in difference?.added ?? [] { changes[variable.name] = .added }
    for variable in difference?.changed ?? [] { changes[variable.name] = .changed }
    var lines = environment.variables.map { name, value in
      EnvironmentLine(name: name, value: value ?? [], change: changes[name] ?? .same)
    }
    for variable in difference?.removed ?? [] {
      lines.append(EnvironmentLine(name: variable.name, value: variable.old, change: .removed))
    }
    let total = environment.variables.count
    lines.sort { $0.name.lexicographicallyPrecedes($1.name) }
    if showsEnvironmentDifferences { lines.removeAll { $0.change == .same } }
    let search = paneSearch
    if !search.isEmpty { lines.removeAll { !search.matches([$0.name, $0.value ?? []]) } }
    return EnvironmentContent(
      lines: lines, total: total,
      differenceCount: difference.map { $0.added.count + $0.changed.count + $0.removed.count },
      origin: process.programs.count > 1 ? "the program before" : "its parent", isKnown: true, isCut: environment.isCut)
  }

  func heading(_ content: EnvironmentContent) -> [Span] {
    guard content.isKnown else { return [Span(text: "The trace does not tell its environment", style: .dim)] }
    var text = Format.count(content.total, "variable") + (content.isCut ? " and more that were not recorded" : "")
    if let count = content.differenceCount {
      text += ", \(count == 0 ? "none" : Format.grouped(count)) not as in \(content.origin)"
      if showsEnvironmentDifferences {
        text += ": only these (d: all)"
      } else if count > 0 {
        text += " (d: only these)"
      }
    } else if showsEnvironmentDifferences {
      text += ", no parent to compare with (d: all)"
    }
    return [Span(text: text, style: .dim)]
  }

  func spans(_ line: EnvironmentLine, width: Int) -> [Span] {
    let (mark, style) =
      switch line.change {
      case .same: ("  ", Style.normal)
      case .added: ("+ ", Style(.good))
      case .changed: ("~ ", Style(.warning))
      case .removed: ("- ", Style(.bad))
      }
    let name = Span(text: glyphs.text(line.name), style: Style(line.change == .same ? .accent : style.ink))
    let value = glyphs.text((line.value ?? []).prefix((width + paneOffset) * 4))
    return [Span(text: mark, style: style), name, Span(text: "=", style: .dim), Span(text: value, style: style)]
  }
}
