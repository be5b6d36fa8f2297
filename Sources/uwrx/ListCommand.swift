import ArgumentParser
import Glibc
import Inspect
import Results
import SystemPackage
import Tracing

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the runs that are kept, the newest last.",
    discussion: """
      The newest is what last means where a trace is named, the one before it last~1. Not counted are those that run --verify \
      has made in copies of the project, which are gone.
      """)

  @Option(help: ArgumentHelp("The directory that holds the runs.", valueName: "directory"))
  var build = "build"

  @Option(help: "How to print it.")
  var format = ReportFormat.text

  func run() throws {
    try reportingTraceErrors {
      let report = ListReport(try RunList(build: build))
      let output = OutputBuffer()
      switch format {
      case .text: try report.text(to: output)
      case .json: try report.json(to: output)
      }
      try output.flush()
    }
  }
}
