import Tracing

/// What a process was given, as far as its run has made it.
struct Given {
  private let run: RunFiles
  private let process: RunProcess?
  private let arguments: [UInt8]
  /// By path, what it read of others: the contents in the order in which they were read.
  private var files: [[UInt8]: [[UInt8]?]] = [:]
  private var temporary: [[UInt8]] = []
  /// Temporary files of others that it has read, and that nobody has kept, as those in /tmp.
  private(set) var unseen: [PathTable.ID] = []
  /// What it has looked for in vain.
  private var missing: Set<[UInt8]> = []

  init(_ run: RunFiles, _ pid: UInt32) {
    self.run = run
    process = run.history[pid]
    arguments = run.command(pid)
    for access in run.history.accesses(by: pid) {
      if access.kind == .missing { missing.insert(run.history.paths.path(of: access.path)) }
      if access.kind == .read, access.version == 0, run.isTemporary(access.path) { unseen.append(access.path) }
      guard access.kind == .read, access.version != 0, run.history.origin(ofVersion: access.version)?.writer != pid
      else {
        continue
      }
      let digest = run.digest(ofVersion: access.version, at: access.path)
      if run.isTemporary(access.path) {
        digest.map { temporary.append($0) }
      } else {
        files[run.history.paths.path(of: access.path), default: []].append(digest)
      }
    }
  }

  func differences(from other: Given) -> [TraceComparison.Difference] {
    var found: [TraceComparison.Difference] = []
    if arguments != other.arguments { found.append(.arguments) }
    let (programs, others) = (process?.programs ?? [], other.process?.programs ?? [])
    for (program, its) in zip(programs, others) {
      if directory(program) != other.directory(its), !found.contains(.directory) { found.append(.directory) }
      let variables = environment(program, its, of: other.run)
      if !variables.isEmpty, !found.contains(.environment(variables)) { found.append(.environment(variables)) }
      if program.version != 0, its.version != 0,
        run.digest(ofVersion: program.version, at: program.executable)
          != other.run.digest(ofVersion: its.version, at: its.executable), !found.contains(.executable)
      {
        found.append(.executable)
      }
    }
    for path in Set(files.keys).union(other.files.keys).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      switch (files[path], other.files[path]) {
      case (let ours?, let theirs?):
        if zip(ours, theirs).contains(where: { $0 != nil && $1 != nil && $0 != $1 }) { found.append(.file(path)) }
      case (nil, _): if missing.contains(path) { found.append(.file(path)) }
      case (_, nil): if other.missing.contains(path) { found.append(.file(path)) }
      }
    }
    if temporary.count == other.temporary.count, temporary != other.temporary { found.append(.temporaryFiles) }
    return found
  }

  private func directory(_ program: Program) -> [UInt8] { run.history.paths.path(of: program.directory) }

  /// The variables that are not the same, in whatever order they stand.
  private func environment(_ program: Program, _ its: Program, of other: RunFiles) -> [[UInt8]] {
    guard let old = run.history.environment(program.environment), let new = other.history.environment(its.environment)
    else {
      return []
    }
    let difference = EnvironmentDifference(from: old, to: new)
    return (difference.added + difference.removed + difference.changed).map(\.name)
  }
}
