import ArgumentParser
import Glibc
import Inspect
import SystemPackage
import Tracing

enum ReportFormat: String, ExpressibleByArgument, CaseIterable { case text, json }

/// What all reports on a trace take.
struct InspectOptions: ParsableArguments {
  @OptionGroup var inspected: InspectedTrace

  @Option(help: "How to print it.")
  var format = ReportFormat.text

  var trace: TraceArgument { inspected.trace }
  func warnOfDamage() { inspected.warnOfDamage() }
  func report(_ body: (TraceDirectory, OutputBuffer) throws -> Void) throws { try inspected.report(body) }
}

/// The trace that a report is on.
struct InspectedTrace: ParsableArguments {
  @Argument(help: TraceArgument.help)
  var trace: TraceArgument

  /// What was found is told nevertheless.
  func warnOfDamage() {
    printError("the events of \(trace.text) are damaged or cut off: this is what can be read of them")
  }

  /// Opens the trace, prints what `body` makes of it, and turns what goes wrong with it into a message and an exit status.
  func report(_ body: (TraceDirectory, OutputBuffer) throws -> Void) throws {
    let output = OutputBuffer()
    do { try body(try trace.resolve(), output) } catch let error as TraceError {
      // What was found before it is worth to be seen.
      try output.flush()
      printError(error.description)
      throw ExitCode(125)
    }
    try output.flush()
  }
}

extension ProcessNumber: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}
