import ArgumentParser
import Results
import Tracing

/// A trace as a command line names it.
struct TraceArgument: ExpressibleByArgument {
  let text: String

  init(argument: String) { text = argument }

  /// Whether it is no path but `last` or the like.
  var isReference: Bool { TraceName(text).isReference }

  func resolve() throws(TraceError) -> TraceDirectory { try TraceName(text).resolve() }

  static let defaultCompletionKind = CompletionKind.directory

  static let help: ArgumentHelp = "The run's directory, BUILD/STEP/ATTEMPT, or last, last~1 ... for the newest runs."
}

/// Calls `body` and turns what goes wrong with a trace into messages and an exit status.
func reportingTraceErrors(_ body: () throws -> Void) throws {
  do { try body() } catch let error as TraceError {
    printErrorLines(error.description)
    throw ExitCode(125)
  }
}

/// Names of the kind that a message is about, not all of thousands.
func printNotes(_ notes: [Results.Note], _ describe: (Results.Note) -> String) {
  for note in notes.prefix(20) { printError(describe(note)) }
  if notes.count > 20 { printError("... and \(notes.count - 20) more") }
}
