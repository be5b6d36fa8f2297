import SystemPackage
import Tracing

/// Lists the files that a run's processes read, changed, or looked for and missed.
public struct FilesReport {
  private let history: RunHistory
  private let versions: VersionPlaces
  private let pid: UInt32?

  /// - Parameters:
  ///   - history: one that keeps accesses.
  ///   - pid: only what this process did.
  ///   - versions: tells where versions are kept.
  public init(_ history: RunHistory, versions: VersionPlaces, of pid: UInt32? = nil) {
    self.history = history
    self.versions = versions
    self.pid = pid
  }

  private func forEach(_ body: (PathTable.ID, [Access]) throws(Errno) -> Void) throws(Errno) {
    for path in history.paths.sorted() where history.isUsed(path) {
      var accesses = history.accesses(of: path)
      if let pid { accesses.removeAll { $0.pid != pid } }
      if !accesses.isEmpty { try body(path, accesses) }
    }
  }

  /// A line per path: what was done with it and the path; with `who` also by which processes, with which versions, and where these
  /// are kept.
  public func text(who: Bool, to output: OutputBuffer) throws(Errno) {
    try forEach { path, accesses throws(Errno) in
      let summary = Self.summary(accesses)
      output.append(summary + String(repeating: " ", count: max(1, 20 - summary.utf8.count)))
      let name = history.paths.path(of: path)
      output.append(Escaping.escape(name))
      try output.endLine()
      guard who else { return }
      for accesses in Self.byProgram(accesses) {
        output.append("  \(history.number(of: accesses[0].pid)) ")
        output.append(Escaping.escape(executable(accesses[0])))
        output.append(": ")
        output.append(Self.operations(accesses))
        try output.endLine()
      }
      for version in Self.versions(accesses) {
        let place = versions.place(ofVersion: version, at: path)
        if version == 0, place == nil { continue }
        output.append("  version \(version)")
        if let origin = history.origin(ofVersion: version) { output.append(" by \(history.number(of: origin.writer))") }
        output.append(": ")
        output.append(place.map { Escaping.escape($0) } ?? Array("not kept".utf8))
        try output.endLine()
      }
    }
  }

  /// An object per line and path:
  ///
  ///     {"path","read","changed","asked","missed",
  ///      "processes":[{"pid","executable","operations":[...],
  ///                    "accesses":[{"operation","version","count","time"}]}],
  ///      "versions":[{"version","writer","place"}]}
  ///
  /// `time` is that of the first of `count` accesses, in nanoseconds since the start of the run. `version` 0 is what was there
  /// before the run. A process stands there once for each program that it ran and that did something. `place` is below the trace if
  /// it is relative, null if the version was not kept or is in an archive.
  public func json(to output: OutputBuffer) throws(Errno) {
    var line = JSONText()
    try forEach { path, accesses throws(Errno) in
      line.clear()
      line.object { line in
        line.string("path", history.paths.path(of: path))
        line.flag("read", accesses.contains { Self.isRead($0.kind) })
        line.flag("changed", accesses.contains { $0.kind.metaName != nil })
        line.flag("asked", accesses.contains { $0.kind == .stat || $0.kind == .readLink })
        line.flag("missed", accesses.contains { $0.kind == .missing })
        line.array("processes") { line in
          for accesses in Self.byProgram(accesses) { program(accesses, &line) }
        }
        line.array("versions") { line in
          for version in Self.versions(accesses) {
            line.object { line in
              line.number("version", version)
              line.process("writer", history.origin(ofVersion: version).map { history.number(of: $0.writer) })
              line.string("place", versions.place(ofVersion: version, at: path))
            }
          }
        }
      }
      output.append(line.bytes)
      try output.endLine()
    }
  }

  private func program(_ accesses: [Access], _ line: inout JSONText) {
    line.object { line in
      line.process("pid", history.number(of: accesses[0].pid))
      line.string("executable", executable(accesses[0]))
      line.array("operations") { line in
        for kind in Self.kinds(accesses) { line.string(nil, kind.word) }
      }
      line.array("accesses") { line in
        for access in accesses {
          line.object { line in
            line.string("operation", access.kind.word)
            line.number("version", access.version)
            line.number("count", access.count)
            line.number("time", history.elapsed(access.time))
          }
        }
      }
    }
  }

  private func executable(_ access: Access) -> [UInt8] {
    guard let process = history[access.pid] else { return [] }
    let program = access.program > 0 ? process.programs[access.program - 1] : process.inherited
    return program.map { history.paths.path(of: $0.executable) } ?? []
  }

  /// The words of a path's line, the weightiest first.
  private static func summary(_ accesses: [Access]) -> String {
    let kinds = accesses.map(\.kind)
    var words: [String] = []
    if kinds.contains(where: isRead) { words.append("read") }
    if kinds.contains(where: { $0.metaName != nil }) { words.append("changed") }
    if words.isEmpty, kinds.contains(.stat) || kinds.contains(.readLink) { words.append("asked") }
    if kinds.contains(.missing) { words.append("missed") }
    return words.joined(separator: ",")
  }

  private static func isRead(_ kind: EventKind) -> Bool { kind == .read || kind == .exec || kind == .list }

  /// What each program of each process did, in their order.
  private static func byProgram(_ accesses: [Access]) -> [[Access]] {
    Dictionary(grouping: accesses) { UInt64($0.pid) << 32 | UInt64($0.program) }.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Each kind once, in the order in which it first happened.
  private static func kinds(_ accesses: [Access]) -> [EventKind] {
    accesses.reduce(into: []) { found, access in if !found.contains(access.kind) { found.append(access.kind) } }
  }

  /// `create,write version 2, read version 1`: what was there before the run has no number.
  private static func operations(_ accesses: [Access]) -> String {
    var groups: [(version: UInt32, words: [String])] = []
    for access in accesses {
      if groups.last?.version != access.version { groups.append((access.version, [])) }
      let last = groups.count - 1
      if !groups[last].words.contains(access.kind.word) { groups[last].words.append(access.kind.word) }
    }
    return groups.map { $0.words.joined(separator: ",") + ($0.version == 0 ? "" : " version \($0.version)") }
      .joined(separator: ", ")
  }

  /// What was seen or made, each once. A name that was not there has none.
  private static func versions(_ accesses: [Access]) -> [UInt32] {
    Set(accesses.lazy.filter { $0.kind != .missing }.map(\.version)).sorted()
  }
}
