import ArgumentParser
import Glibc
import Inspect
import Results
import Sandbox
import SystemPackage
import Tracing

/// `uwrx run --verify`: makes a run several times, each in other surroundings, and compares what they gave.
struct Verification {
  /// How many runs there are to be.
  let count: Int
  /// The options of the command line, without those that each run has its own of, then `--` and the command.
  let arguments: [String]
  /// Where the runs are kept.
  let build: String
  let step: Int
  /// The project's directory on the host, and where in the guest the command starts; nil if no directory is changed.
  let project: (root: String, workingDirectory: String)?
  /// What git keeps of it elsewhere.
  let gitDirectories: [String]
  /// Its copy has its owners and times.
  let isExact: Bool
  let isQuiet: Bool

  /// - Returns: the traces' directory of the first run, if all gave the same.
  /// - Throws: `ExitCode` if not.
  func run() throws -> String {
    var first: (trace: String, end: RunProgram.End)?
    var own: String?
    for number in 0..<count {
      // The original directory and another one take turns, so that there is never more than one copy.
      let copy = try number % 2 == 1 ? makeCopy(number) : nil
      defer { copy?.remove() }
      let end = try RunProgram.run(
        makeArguments(project: copy?.path ?? project?.root),
        in: number == 0 ? Surroundings() : Surroundings(variation: number),
        isShown: number == 0)
      let trace = "\(build)/\(step)/\(RunDirectory.lastAttempt(in: build, step: step) ?? 0)"
      if copy == nil { own = trace } else if let own { LastLink.set(runAt: own) }
      guard let known = first else {
        if end.isInterrupted || end.exitCode == 125 { throw ExitCode(end.exitCode) }
        if let failure = end.failure {
          throw SupervisorError("cannot pass on what the command has printed: \(failure); \(trace) keeps it")
        }
        if end.exitCode != 0 {
          printError(
            "the command has failed in the first run, with exit status \(end.exitCode): there is nothing to compare; \(trace) keeps it"
          )
          throw ExitCode(end.exitCode)
        }
        first = (trace, end)
        continue
      }
      if end.isInterrupted { throw ExitCode(end.exitCode) }
      if end.exitCode == 125 {
        // What it has said ends its lines itself.
        _ = end.errors.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
        throw ExitCode(125)
      }
      try compare(known, (trace, end), number)
    }
    guard let first else { throw ExitCode(125) }
    if !isQuiet { printError("\(count) runs have given the same; the first is \(first.trace)") }
    return first.trace
  }

  private func makeCopy(_ number: Int) throws -> ProjectCopy? {
    guard let project else { return nil }
    return try ProjectCopy(
      of: project.root, in: build, name: "another place, the \(number)", isExact: isExact)
  }

  private func makeArguments(project root: String?) -> [String] {
    var own = ["--reproducible", "--build", build, "--step", String(step)]
    if let project, let root {
      own += ["--project", root, "--workdir", project.workingDirectory]
      for directory in gitDirectories { own += ["--source", "\(directory):tool=\(directory)"] }
    }
    return ["run"] + own + arguments
  }

  /// - Throws: `ExitCode` if the runs differ.
  private func compare(
    _ first: (trace: String, end: RunProgram.End), _ other: (trace: String, end: RunProgram.End), _ number: Int
  ) throws {
    let comparison = try TraceComparison(try TraceDirectory(first.trace), try TraceDirectory(other.trace))
    var reasons: [String] = []
    if first.end.exitCode != other.end.exitCode {
      reasons.append("the exit status is \(first.end.exitCode) and \(other.end.exitCode)")
    }
    if first.end.output != other.end.output { reasons.append("what they printed differs") }
    let changed = comparison.files.filter { !$0.attributes.isEmpty }
    if !changed.isEmpty {
      let names = changed.flatMap(\.attributeNames).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
      reasons.append("the \(names.joined(separator: ", ")) differs of \(Self.list(changed.map(\.path)))")
    }
    if reasons.isEmpty, try comparison.isEmptyButForNumbers() { return }
    printError("runs 1 and \(number + 1) differ\(reasons.isEmpty ? "" : ": " + reasons.joined(separator: "; "))")
    let report = OutputBuffer(.standardError)
    try? ComparisonReport(comparison).text(to: report)
    try? report.flush()
    printError("the runs are \(first.trace) and \(other.trace)")
    throw ExitCode(1)
  }

  private static func list(_ paths: [[UInt8]]) -> String {
    let names = paths.prefix(5).map { String(decoding: Escaping.escape($0), as: UTF8.self) }.joined(separator: ", ")
    return paths.count > 5 ? names + " and \(paths.count - 5) more" : names
  }
}

extension Verification {
  /// Options that each run has its own of.
  private static let ownOptions: Set = ["--verify", "--build", "--step"]
  private static let ownFlags: Set = ["--reproducible", "--apply"]
  /// Those that say where the project is, if another place is to be tried.
  private static let placeOptions: Set = ["--project", "--workdir"]

  /// The options of a command line without those, from after `run` on, with `--` and the command.
  static func options(of arguments: [String], keepsPlace: Bool) -> [String] {
    let left = keepsPlace ? ownOptions : ownOptions.union(placeOptions)
    var kept: [String] = []
    var index = (arguments.firstIndex(of: "run") ?? -1) + 1
    while index < arguments.count {
      let argument = arguments[index]
      if argument == "--" { return kept + arguments[index...] }
      if left.contains(argument) {
        index += 2
        continue
      }
      let isLeft =
        ownFlags.contains(argument) || !keepsPlace && argument == "--no-project"
        || left.contains { argument.hasPrefix($0 + "=") }
      if !isLeft { kept.append(argument) }
      index += 1
    }
    return kept
  }
}
