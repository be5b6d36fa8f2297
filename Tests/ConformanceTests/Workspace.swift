import Glibc

/// The directory that a fixture runs in. Both runs of a case use the same path, one after the other, so that whatever
/// prints a path prints the same one.
struct Workspace {
  let test: Case
  private var folder: String { "\(Scratch.path)/\(test.index)" }
  private var work: String { "\(folder)/work" }

  func prepare() throws {
    mkdir(folder, 0o755)
    let result = try launch([Self.script("prepare"), work] + (test.owner.map { [$0] } ?? []))
    guard result.status == 0 else {
      throw LaunchError(description: "prepare: " + String(decoding: result.errors, as: UTF8.self))
    }
  }

  /// What must not change: contents, modes, owners, times, inode numbers and link counts.
  func snapshot() throws -> [UInt8] { try launch([Self.script("snapshot"), work]).output }

  func discard() { Scratch.discard(folder) }

  func runNatively() throws -> Observation { try run([program]) }

  func runUnderUwrx() throws -> Observation {
    let build = "\(folder)/build"
    mkdir(build, 0o755)
    if test.owner != nil { chown(build, 1000, 1000) }
    let programs = "\(Scratch.path)/bin"
    let options = [
      // The guest is to itself who the user is natively.
      Places.uwrx, "run", "--system", "--uid", "\(ids.0)", "--gid", "\(ids.1)", "--build", build, "--source",
      "\(work)=\(work)", "--source", "\(programs)=\(programs)", "--source",
      "\(Places.package)/Conformance=\(Places.package)/Conformance",
    ]
    let prepare = Self.script("prepare")
    switch test.ground {
    case .source: return try run(options + ["--", program])
    case .own:
      let both = "\"$1\" \"$2\" && cd \"$2\" && exec \"$3\""
      return try run(options + ["--", "/bin/sh", "-c", both, "sh", prepare, work, program])
    case .parent:
      let made = try run(options + ["--", "/bin/sh", prepare, work])
      guard made.status == 0 else {
        throw LaunchError(description: "prepare: " + String(decoding: made.errors, as: UTF8.self))
      }
      return try run(options + ["--parent", "\(build)/0/0", "--", program])
    }
  }

  /// Leaves the files to the run to make.
  func clear() throws {
    discard()
    mkdir(folder, 0o755)
    mkdir(work, 0o755)
  }

  private var ids: (UInt32, UInt32) { test.owner != nil ? (1000, 1000) : (getuid(), getgid()) }

  private var program: String { Build.program(test.fixture, test.linkage) }

  private func run(_ command: [String]) throws -> Observation {
    // The shell's cd, because posix_spawn cannot change the directory everywhere.
    let enter = ["/bin/sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "sh", work]
    return try launch(
      enter + test.becoming + command,
      environment: ["PATH=/usr/bin:/bin", "HOME=/nonexistent", "LANG=C", "LC_ALL=C"])
  }

  private static func script(_ name: String) -> String { "\(Places.package)/Conformance/\(name)" }
}
