import Glibc
import Supervisor

/// Runs cases: each natively and under uwrx, in the same prepared directory, and compares. Linux itself is the oracle.
public final class Harness: Sendable {
  private struct Key: Hashable {
    let fixture: String
    let linkage: Case.Linkage
  }

  public let set: FixtureSet
  private let uwrx: String
  private let scratch: Scratch
  let compiler: Compiler
  private let programs: [Key: Program]
  /// Why nothing can be run as the ordinary user here, or nil.
  private let userObstacle: String?

  /// - Parameter uwrx: the path of the binary that is tested.
  public init(_ set: FixtureSet, uwrx: String, scratch: Scratch) throws(ConformanceError) {
    self.set = set
    self.uwrx = uwrx
    self.scratch = scratch
    guard access(uwrx, X_OK) == 0 else { throw ConformanceError("no uwrx at \(uwrx)") }
    compiler = try Compiler(in: scratch)
    var programs: [Key: Program] = [:]
    for fixture in set.fixtures {
      for linkage in Case.Linkage.allCases {
        programs[Key(fixture: fixture.name, linkage: linkage)] = Program(
          fixture, linkage, in: scratch, isWorkingCopy: set.isWorkingCopy)
      }
    }
    self.programs = programs
    userObstacle = try Self.userObstacle(uwrx)
  }

  private static func userObstacle(_ uwrx: String) throws(ConformanceError) -> String? {
    guard getuid() == 0 else { return nil }
    guard try launch(Case.becomingOrdinary + ["/bin/true"]).status == 0 else {
      return "cannot become uid 1000 here (setpriv of util-linux)"
    }
    let isReachable = try launch(Case.becomingOrdinary + ["/usr/bin/test", "-x", uwrx]).status == 0
    return isReachable ? nil : "uid 1000 cannot reach \(uwrx); put uwrx where everybody can run it"
  }

  public func run(_ test: Case) -> Verdict {
    if test.linkage == .static, !compiler.linksStatically {
      return Verdict(test: test, outcome: .skipped("cc cannot link statically here"), applied: [])
    }
    if test.becomesOther, let userObstacle {
      return Verdict(test: test, outcome: .skipped(userObstacle), applied: [])
    }
    do {
      return try compare(test)
    } catch {
      return Verdict(test: test, outcome: .failed([error.description]), applied: [])
    }
  }

  /// What the fixture observes on Linux.
  public func runNatively(_ test: Case) throws(ConformanceError) -> Observation {
    let workspace = try workspace(test)
    defer { workspace.discard() }
    try workspace.prepare()
    return try workspace.runNatively()
  }

  private func workspace(_ test: Case) throws(ConformanceError) -> Workspace {
    guard let program = programs[Key(fixture: test.fixture.name, linkage: test.linkage)] else {
      throw ConformanceError("no fixture \"\(test.fixture.name)\"")
    }
    if let message = try program.build() { throw ConformanceError("cannot be compiled:\n" + message) }
    let way = ["\(test.linkage)", "\(test.user)", "\(test.ground)"] + test.options
    let name = "\(test.fixture.name)-\(way.joined(separator: "-"))"
    return Workspace(
      test: test, uwrx: uwrx, program: program.path, scratch: scratch, folder: "\(scratch.path)/cases/\(name)")
  }

  private func compare(_ test: Case) throws(ConformanceError) -> Verdict {
    let workspace = try workspace(test)
    defer { workspace.discard() }
    try workspace.prepare()
    let native = try workspace.runNatively()
    workspace.discard()
    if native.timedOut { throw ConformanceError("the fixture hangs natively") }

    if test.ground == .source { try workspace.prepare() } else { try workspace.clear() }
    let before = try workspace.snapshot()
    let uwrx = try workspace.runUnderUwrx()
    let after = try workspace.snapshot()

    var problems: [String] = []
    var applied: Set<Int> = []
    if uwrx.timedOut { problems.append("hangs under uwrx") }
    for (label, expected, actual) in [("stdout", native.output, uwrx.output), ("stderr", native.errors, uwrx.errors)] {
      let old = try set.differences.remaining(expected, in: test)
      let new = try set.differences.remaining(actual, in: test)
      applied.formUnion(old.applied)
      applied.formUnion(new.applied)
      if let report = excerpt(label, old.lines, new.lines, names: ("natively", "under uwrx")) {
        problems.append(report)
      }
    }
    if uwrx.status != native.status {
      problems.append("exit status \(uwrx.status), natively \(native.status)")
    }
    if let change = excerpt("lower layer", lines(before), lines(after), names: ("before", "after")) {
      problems.append("the lower layer was changed\n\(change)")
    }
    return Verdict(test: test, outcome: problems.isEmpty ? .passed : .failed(problems), applied: applied)
  }

  private func lines(_ bytes: [UInt8]) -> [String] {
    bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
  }
}
