import ArgumentParser
import Conformance
import Glibc
import Synchronization
import SystemPackage

/// Which cases of the conformance suite, and how.
struct CaseOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Fixtures of this directory instead of the built-in ones.", valueName: "directory"),
    completion: .directory)
  var fixtures: String?

  @Option(help: ArgumentHelp("How many cases at a time (default: one for each processor).", valueName: "number"))
  var jobs: PositiveArgument?

  @Flag(name: .customLong("root"), help: "Only as root.")
  var onlyRoot = false

  @Flag(name: .customLong("user"), help: "Only as an ordinary user; if you are root, as uid 1000.")
  var onlyUser = false

  @Option(help: "Only with the files there: in a source, in the run's own layer, in a parent's. Repeatable.")
  var ground: [Case.Ground] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Further options of uwrx run, with spaces between, as '--time advancing'. The fixtures must still see what they see on Linux.",
      valueName: "options"))
  var with = ""

  func validate() throws {
    if onlyRoot, onlyUser { throw ValidationError("--root and --user exclude each other") }
    if onlyRoot, getuid() != 0 { throw ValidationError("--root needs root") }
  }

  func makeSet() throws(ConformanceError) -> FixtureSet {
    if let fixtures { try FixtureSet(directory: fixtures) } else { try FixtureSet.builtIn() }
  }

  func cases(
    of fixtures: [Fixture], where isWanted: (Case) -> Bool = { _ in true }
  ) throws(ConformanceError) -> [Case] {
    let cases = Case.all(of: fixtures, with: with.split(separator: " ").map(String.init)).filter {
      (!onlyRoot || $0.user == .root) && (!onlyUser || $0.user == .user)
        && (ground.isEmpty || ground.contains($0.ground)) && isWanted($0)
    }
    guard !cases.isEmpty else {
      throw ConformanceError("there is no such case: on the grounds own and parent only root runs, linked dynamically")
    }
    return cases
  }

  /// Runs the cases of a set, and removes all that they made, also when the user interrupts.
  func withHarness<Result>(
    _ set: FixtureSet, _ body: (Harness) throws(ConformanceError) -> Result
  ) throws(ConformanceError) -> Result {
    Interruption.prepare()
    let scratch = try Scratch(set)
    Interruption.remove(scratch)
    defer { scratch.remove() }
    return try body(try Harness(set, uwrx: try ownPath(), scratch: scratch))
  }

  /// - Parameter report: called for each verdict, one at a time. What it fails with is thrown when all have been tried.
  func run(
    _ cases: [Case], with harness: Harness, report: @escaping @Sendable (Verdict) throws(ConformanceError) -> Void
  ) throws(ConformanceError) -> [Verdict] {
    let progress = ProgressLine()
    let failure = Mutex<ConformanceError?>(nil)
    let verdicts = Runner(harness, cases) { verdict, done in
      progress.clear()
      failure.withLock { failure in
        do throws(ConformanceError) { if failure == nil { try report(verdict) } } catch { failure = error }
      }
      progress.show("\(done) of \(cases.count) cases")
    }.run(jobs: jobs?.value ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    progress.clear()
    if let failure = failure.withLock({ $0 }) { throw failure }
    return verdicts
  }

  /// The path of the binary that runs, which another user must be able to reach, too.
  private func ownPath() throws(ConformanceError) -> String {
    guard let path = realpath("/proc/self/exe", nil) else {
      throw ConformanceError("cannot find this program's own file")
    }
    defer { free(path) }
    return String(cString: path)
  }
}

extension Case.Ground: ExpressibleByArgument {}

/// - Throws: that it cannot be written.
func printCases(_ text: String) throws(ConformanceError) {
  do throws(Errno) { try printOutput(text) } catch {
    throw ConformanceError("cannot write to standard output: \(error)")
  }
}

extension Verdict {
  /// A line, and for a failure what differs.
  var lines: String {
    switch outcome {
    case .passed: "ok \(test.description)\n"
    case .skipped(let reason): "skipped \(test.description): \(reason)\n"
    case .failed(let problems): "FAIL \(test.description)\n" + problems.map { $0 + "\n" }.joined()
    }
  }
}
