import Tracing

/// The files that a run has made and that were gone at its end: mostly those with random names.
final class TemporaryFiles {
  private let history: RunHistory
  private let isLeft: (PathTable.ID) -> Bool
  private var known: [PathTable.ID: Bool] = [:]

  /// - Parameters:
  ///   - history: one that keeps accesses.
  ///   - isLeft: whether something is there at the end; without it, whether there is a last version.
  init(_ history: RunHistory, isLeft: ((PathTable.ID) -> Bool)? = nil) {
    self.history = history
    if let isLeft {
      self.isLeft = isLeft
    } else {
      let last = Set(history.lastVersions.values)
      self.isLeft = last.contains
    }
  }

  func contains(_ path: PathTable.ID) -> Bool {
    if let known = known[path] { return known }
    let isTemporary =
      !isLeft(path) && history.accesses(of: path).contains { [.create, .renameTo, .link].contains($0.kind) }
    known[path] = isTemporary
    return isTemporary
  }

  /// The programs and arguments of a process; a temporary file's name is as good as another's.
  /// - Parameter withDirectories: and the current directories.
  func command(_ process: RunProcess, withDirectories: Bool = false) -> [UInt8] {
    process.programs.reduce(into: []) { text, program in
      text += history.paths.path(of: program.executable) + [0]
      if withDirectories { text += history.paths.path(of: program.directory) + [0] }
      for argument in program.arguments { text += withoutName(argument) + [0] }
    }
  }

  /// `/tmp/x`, `@/tmp/x` and `--option=/tmp/x`
  private func withoutName(_ argument: [UInt8]) -> [UInt8] {
    guard let slash = argument.firstIndex(of: UInt8(ascii: "/")) else { return argument }
    let start = argument[..<slash]
    guard start.isEmpty || start == [UInt8(ascii: "@")] || start.last == UInt8(ascii: "="),
      let path = history.paths.id(of: Array(argument[slash...])), contains(path)
    else { return argument }
    return Array(start) + Array("/<temporary>".utf8)
  }
}
