import ArgumentParser
import Inspect
import Tracing

struct InspectMissesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "misses", abstract: "Tells why a run with --cache did what it could have skipped.",
    discussion: """
      First what ran although there is a record: the first file that is not as it was then, who has changed it, and the processes that \
      asked for it, or for what these have made. Then what could not be recorded, and why; and what was never started so before.
      """)

  @OptionGroup var options: InspectOptions

  @Option(help: ArgumentHelp("How many processes of each cause to name (text only).", valueName: "number"))
  var examples = PositiveArgument(3)

  func run() throws {
    try options.report { trace, output in
      let history = try RunHistory(trace)
      let report = MissesReport(history, examples: examples.value)
      switch options.format {
      case .text: try report.text(width: OutputTerminal.width, to: output)
      case .json: try report.json(to: output)
      }
      if history.isDamaged { options.warnOfDamage() }
    }
  }
}
