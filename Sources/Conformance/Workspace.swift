import Glibc
import Supervisor

/// The directory that a fixture runs in. Both runs of a case use the same path, one after the other, so that whatever
/// prints a path prints the same one.
struct Workspace {
  let test: Case
  let uwrx: String
  let program: String
  let scratch: Scratch
  let folder: String
  private var work: String { "\(folder)/work" }

  func prepare() throws(ConformanceError) {
    try makeDirectory(folder)
    let result = try launch(["\(scratch.tools)/prepare", work] + (test.becomesOther ? [Case.ordinaryOwner] : []))
    guard result.status == 0 else {
      throw ConformanceError("prepare: " + String(decoding: result.errors, as: UTF8.self))
    }
  }

  /// What must not change: contents, modes, owners, times, inode numbers and link counts.
  func snapshot() throws(ConformanceError) -> [UInt8] { try launch(["\(scratch.tools)/snapshot", work]).output }

  func discard() { TemporaryDirectory.removeTree(folder) }

  func runNatively() throws(ConformanceError) -> Observation { try run([program]) }

  func runUnderUwrx() throws(ConformanceError) -> Observation {
    let build = "\(folder)/build"
    try makeDirectory(build)
    if test.becomesOther { chown(build, test.ids.user, test.ids.group) }
    let options =
      [
        uwrx, "run", "--system", "--uid", "\(test.ids.user)", "--gid", "\(test.ids.group)", "--build", build,
        "--source", "\(work)=\(work)", "--source", "\(scratch.programs)=\(scratch.programs)",
        "--source", "\(scratch.tools)=\(scratch.tools)",
      ] + test.options
    let prepare = "\(scratch.tools)/prepare"
    switch test.ground {
    case .source: return try run(options + ["--", program])
    case .own:
      let both = "\"$1\" \"$2\" && cd \"$2\" && exec \"$3\""
      return try run(options + ["--", "/bin/sh", "-c", both, "sh", prepare, work, program])
    case .parent:
      let made = try run(options + ["--", "/bin/sh", prepare, work])
      guard made.status == 0 else {
        throw ConformanceError("prepare: " + String(decoding: made.errors, as: UTF8.self))
      }
      return try run(options + ["--trust-parent", "--parent", "\(build)/0/0", "--", program])
    }
  }

  /// Leaves the files to the run to make.
  func clear() throws(ConformanceError) {
    try makeDirectory(folder)
    try makeDirectory(work)
  }

  private func run(_ command: [String]) throws(ConformanceError) -> Observation {
    // The shell's cd, because posix_spawn cannot change the directory everywhere.
    let enter = ["/bin/sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "sh", work]
    return try launch(
      enter + test.becoming + command,
      environment: ["PATH=/usr/bin:/bin", "HOME=/nonexistent", "LANG=C", "LC_ALL=C"])
  }
}
