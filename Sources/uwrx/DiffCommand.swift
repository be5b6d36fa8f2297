import ArgumentParser
import Glibc
import Inspect
import Results
import SystemPackage
import Tracing

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract:
      "Shows what applying a run would change on the host, as git does; or in what two runs differ, and who made it so.",
    discussion: """
      With a second trace in the place of a path, the two runs are compared, the older one first: what came into them from outside and is \
      not the same, which processes were given the same and gave something else, which follow from them, and which files are not the same \
      at the end, with what differs in them: members of archives and packages, headers, sections of programs, lines. Time, chance and \
      whatever else the trace does not tell is what such a process went by. The exit status is 1 then if they differ.

      What was changed on the host since the run has seen it is marked as a conflict, and what uwrx apply brings out only by name \
      so, too, as is what it refuses since it holds the certificate of the run's own authority. Names that are no part of the project are told on standard error.
      """)

  @OptionGroup var options: ResultsOptions

  @Flag(help: "A line for each file: how many lines were added and removed.")
  var stat = false

  @Flag(help: "A line for each file: A (added), M (modified), T (of another type) or D (removed), and its name.")
  var nameStatus = false

  /// A comparison can be a page, too.
  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, html }

  @Option(help: "How to print it; html is for two traces.")
  var format = Format.text

  @Flag(
    help: ArgumentHelp(
      "With two traces: also what the program diffoscope says of each file that differs.",
      discussion: """
        It takes seconds for a file, and is ended after 60. It runs as you do and not in a virtual kernel, with the tools that it has for \
        each kind of file, on what the runs have left: not for what a stranger's program has made.
        """))
  var diffoscope = false

  func validate() throws {
    guard [stat, nameStatus, format == .json].count(where: { $0 }) < 2 else {
      throw ValidationError("--stat, --name-status and --format json exclude each other")
    }
  }

  func run() throws {
    if let other { return try compare(with: other) }
    guard format != .html, !diffoscope else {
      throw ValidationError(
        "--format html and --diffoscope are for two traces: name the second one, too, as in uwrx diff last~1 last")
    }
    try reportingTraceErrors {
      // It only reads.
      let results: Results
      do { results = try options.results(trusts: true) } catch let error as TraceError {
        // A second trace may have been meant.
        guard options.paths.count == 1, let path = options.paths.first, isDirectory(path) else { throw error }
        throw TraceError("\(error.description), and \(path) is not the trace of a run to compare it with")
      }
      let output = OutputBuffer()
      try results.diff(format == .json ? .json : stat ? .stat : nameStatus ? .nameStatus : .text, to: output)
      try output.flush()
      printNotes(results.leftOut) { "not shown: \($0.path): \($0.reason)" }
    }
  }

  /// A second trace. No file or directory of a project is one.
  private var other: TraceName? {
    guard options.paths.count == 1 else { return nil }
    let name = TraceName(options.paths[0])
    return name.isReference || looksLikeTrace(options.paths[0]) ? name : nil
  }

  /// A trace, or what is left of one.
  private func looksLikeTrace(_ path: String) -> Bool {
    if (try? TraceDirectory(path)) != nil { return true }
    return ["files.index", "files.meta", "perfetto"].contains { access("\(path)/\($0)", F_OK) == 0 }
  }

  private func compare(with other: TraceName) throws {
    guard !stat, !nameStatus else { throw ValidationError("--stat and --name-status are not for two traces") }
    guard options.to == nil, !options.withParents else {
      throw ValidationError("--to and --with-parents compare a run with the host: they are not for two traces")
    }
    var isSame = true
    let output = OutputBuffer()
    try reportingTraceErrors {
      // Before what may take its time.
      let program = diffoscope ? try Diffoscope() : nil
      let traces = (try options.trace.resolve(), try other.resolve())
      try traces.0.requireReadable()
      try traces.1.requireReadable()
      let comparison = try TraceComparison(traces.0, traces.1)
      isSame = comparison.isEmpty
      let named = [
        (trace: traces.0, run: comparison.firstHistory, name: options.trace.text),
        (trace: traces.1, run: comparison.secondHistory, name: options.paths[0]),
      ]
      for (trace, run, name) in named {
        if run.isDamaged {
          printError("the events of \(name) are damaged or cut off: this is what can be read of them")
        } else if let problem = TraceCheck.problems(of: trace).first {
          printError("the trace \(name) is not whole, or was changed since it was made: \(problem); see uwrx check")
        }
      }
      let report = ComparisonReport(comparison, diffoscope: program)
      switch format {
      case .text: try report.text(to: output)
      case .json: try report.json(to: output)
      case .html: try report.html((options.trace.text, options.paths[0]), to: output)
      }
      try output.flush()
      // What cannot be read may differ.
      if isSame, named.contains(where: { $0.run.isDamaged }) { throw ExitCode(125) }
    }
    if !isSame { throw ExitCode(1) }
  }
}

private func isDirectory(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
