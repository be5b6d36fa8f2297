import Tracing

/// Lists the files that a run's processes read, changed, or looked for and missed.
public struct FilesReport {
  private let history: FileHistory
  private let names: [(path: [UInt8], accesses: [FileHistory.Access])]

  public init(_ history: FileHistory) {
    self.history = history
    names = history.accesses.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value) }
  }

  /// A line per path: what was done with it, the path, and with `who` by which processes.
  public func text(who: Bool, to write: (String) -> Void) {
    for (path, accesses) in names {
      var line = Self.summary(accesses).padded(to: 20) + Self.text(path)
      if who {
        for (pid, kinds) in Self.byProcess(accesses) {
          let words = kinds.map { Self.word($0) }.joined(separator: ",")
          line += "\n  \(pid) \(Self.text(history.executables[pid]?.last ?? [])): \(words)"
        }
      }
      write(line + "\n")
    }
  }

  /// An object per line: `{"path","read","changed","missed","processes":[{"pid","executable","operations"}]}`.
  public func json(to write: (String) -> Void) {
    for (path, accesses) in names {
      let processes = Self.byProcess(accesses).map { pid, kinds in
        "{\"pid\":\(pid),\"executable\":\(Self.quoted(history.executables[pid]?.last ?? [])),\"operations\":["
          + kinds.map { "\"\(Self.word($0))\"" }.joined(separator: ",") + "]}"
      }
      let kinds = accesses.map(\.kind)
      write(
        "{\"path\":\(Self.quoted(path)),\"read\":\(kinds.contains(where: Self.isRead)),"
          + "\"changed\":\(kinds.contains { $0.metaName != nil }),\"missed\":\(kinds.contains(.missing)),"
          + "\"processes\":[\(processes.joined(separator: ","))]}\n")
    }
  }

  /// The words of a path's line, the weightiest first.
  private static func summary(_ accesses: [FileHistory.Access]) -> String {
    let kinds = accesses.map(\.kind)
    var words: [String] = []
    if kinds.contains(where: isRead) { words.append("read") }
    if kinds.contains(where: { $0.metaName != nil }) { words.append("changed") }
    if words.isEmpty, kinds.contains(.stat) || kinds.contains(.readLink) { words.append("asked") }
    if words.isEmpty, kinds.contains(.missing) { words.append("missed") }
    return words.joined(separator: ",")
  }

  private static func isRead(_ kind: EventKind) -> Bool { kind == .read || kind == .exec || kind == .list }

  /// In the order of the processes; each kind once, in the order in which it first happened.
  private static func byProcess(_ accesses: [FileHistory.Access]) -> [(UInt32, [EventKind])] {
    var found: [UInt32: [EventKind]] = [:]
    for access in accesses where found[access.pid]?.contains(access.kind) != true {
      found[access.pid, default: []].append(access.kind)
    }
    return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private static func word(_ kind: EventKind) -> String {
    if let name = kind.metaName { return name }
    switch kind {
    case .exec: return "exec"
    case .read: return "read"
    case .list: return "list"
    case .readLink: return "readlink"
    case .missing: return "missing"
    default: return "stat"
    }
  }

  private static func text(_ path: [UInt8]) -> String { String(decoding: Escaping.escape(path), as: UTF8.self) }

  private static func quoted(_ path: [UInt8]) -> String {
    var result = "\""
    for scalar in text(path).unicodeScalars {
      if scalar == "\"" || scalar == "\\" { result += "\\" }
      result.unicodeScalars.append(scalar)
    }
    return result + "\""
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
