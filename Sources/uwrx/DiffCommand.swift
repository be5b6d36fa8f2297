import ArgumentParser
import Glibc
import Inspect
import Results
import SystemPackage
import Tracing

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Shows what applying a run would change on the host, as git does.",
    discussion: """
      What was changed on the host since the run has seen it is marked as a conflict, and what uwrx apply brings out only by name \
      so, too. Names that are no part of the project are told on standard error.
      """)

  @OptionGroup var options: ResultsOptions

  @Flag(help: "A line for each file: how many lines were added and removed.")
  var stat = false

  @Flag(help: "A line for each file: A (added), M (modified), T (of another type) or D (removed), and its name.")
  var nameStatus = false

  @Option(help: "How to print it.")
  var format = ReportFormat.text

  func validate() throws {
    guard [stat, nameStatus, format == .json].count(where: { $0 }) < 2 else {
      throw ValidationError("--stat, --name-status and --format json exclude each other")
    }
  }

  func run() throws {
    try reportingTraceErrors {
      // It only reads.
      let results = try options.results(trusts: true)
      let output = OutputBuffer()
      try results.diff(format == .json ? .json : stat ? .stat : nameStatus ? .nameStatus : .text, to: output)
      do { try output.flush() } catch Errno.brokenPipe { throw ExitCode(128 + SIGPIPE) }
      printNotes(results.leftOut) { "not shown: \($0.path): \($0.reason)" }
    }
  }
}
