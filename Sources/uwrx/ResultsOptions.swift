import ArgumentParser
import Results
import Tracing

/// What all commands take that compare a run with the host.
struct ResultsOptions: ParsableArguments {
  @Argument(help: TraceArgument.help)
  var trace: TraceArgument

  @Argument(
    help: ArgumentHelp(
      "Only these files and directories, also outside of the project, by their path on the host or in the guest.",
      valueName: "path"))
  var paths: [String] = []

  @Option(
    help: ArgumentHelp(
      "Another directory that stands for the project's, a second checkout for example.", valueName: "directory"))
  var to: String?

  @Flag(help: "Also what the runs have changed that the run stands on.")
  var withParents = false

  @Flag(help: "Accept a trace that this user's uwrx has not made here, or that was changed since.")
  var trustParent = false

  func results(trusts: Bool? = nil) throws(TraceError) -> Results {
    var options = Results.Options()
    options.paths = paths
    options.target = to
    options.withParents = withParents
    options.trusts = trusts ?? trustParent
    return try Results(trace.resolve(), options)
  }
}
