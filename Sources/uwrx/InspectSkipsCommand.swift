import ArgumentParser
import Inspect
import Tracing

struct InspectSkipsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "skips", abstract: "Lists what a run with --cache did not do again.",
    discussion: """
      A line tells the process, how long it took when it ran, what time it saved, and where that was: the trace's directory and the \
      process there.
      """)

  @OptionGroup var options: InspectOptions

  func run() throws {
    try options.report { trace, output in
      let history = try RunHistory(trace, accesses: false)
      let report = SkipsReport(history)
      switch options.format {
      case .text: try report.text(width: OutputTerminal.width, to: output)
      case .json: try report.json(to: output)
      }
      if history.isDamaged { options.warnOfDamage() }
    }
  }
}
