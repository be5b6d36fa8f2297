import ArgumentParser
import Conformance
import Glibc

struct TestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Tries on this machine whether programs see under uwrx what they see on Linux.",
    discussion: """
      A fixture is a C program that prints what its system calls answer. It is compiled with cc and run natively and under \
      uwrx in the same files; the outputs must agree. The exit status is 0 if they do, 1 if a case fails, and 125 if uwrx itself \
      failed. UWRX_CONFORMANCE_DIR names the place for the files (default /var/tmp).
      """)

  @Argument(help: "The fixtures' names.")
  var names: [String] = []

  @Flag(help: "All fixtures.")
  var all = false

  @Flag(help: "Only list the fixtures, with the system calls that they test.")
  var list = false

  @Flag(name: .customLong("static"), help: "Link statically.")
  var isStatic = false

  @Flag(help: "Only print what the fixtures observe natively.")
  var native = false

  @OptionGroup var options: CaseOptions

  func validate() throws {
    guard names.isEmpty == (all || list), !(all && list) else {
      throw ValidationError("name fixtures, or say --all or --list")
    }
  }

  func run() throws {
    do {
      let set = try options.makeSet()
      if list {
        for fixture in set.fixtures {
          try printMessage(fixture.name + (fixture.calls.isEmpty ? "" : ": " + fixture.calls.joined(separator: " ")))
        }
        return
      }
      let cases = try options.cases(of: all ? set.fixtures : set.select(names)) {
        $0.linkage == (isStatic ? .static : .dynamic) && (!options.ground.isEmpty || $0.ground == .source)
      }
      let isSuccess = try options.withHarness(set) { harness throws(ConformanceError) in
        if native { return try printNative(cases, harness) }
        return try printVerdicts(cases, harness)
      }
      if !isSuccess { throw ExitCode(1) }
    } catch let error as ConformanceError {
      printErrorLines(error.description)
      throw ExitCode(125)
    }
  }

  private func printVerdicts(_ cases: [Case], _ harness: Harness) throws(ConformanceError) -> Bool {
    let verdicts = try options.run(cases, with: harness) { verdict throws(ConformanceError) in
      try printCases(verdict.lines)
    }
    try printCases(Report.summary(verdicts) + "\n")
    // Where nothing could be tried, nothing is proved.
    return !verdicts.contains(where: \.isFailed) && !verdicts.allSatisfy(\.isSkipped)
  }

  private func printNative(_ cases: [Case], _ harness: Harness) throws(ConformanceError) -> Bool {
    for test in cases {
      let observation = try harness.runNatively(test)
      try printCases("\(test.description), natively: exit status \(observation.status)\n")
      try printCases(String(decoding: observation.output + observation.errors, as: UTF8.self))
    }
    return true
  }
}
