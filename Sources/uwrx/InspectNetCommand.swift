import ArgumentParser
import Inspect
import Tracing

struct InspectNetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "net", abstract: "Tells what a run did on the network that it was given: by whom, to whom, how much.",
    discussion: "JSON also tells each request and each name that was asked for.")

  @OptionGroup var options: InspectOptions

  func run() throws {
    try options.report { trace, output in
      let report = try NetworkReport(trace)
      switch options.format {
      case .text: try report.text(width: OutputTerminal.width, to: output)
      case .json: try report.json(to: output)
      }
      if report.isDamaged { options.warnOfDamage() }
    }
  }
}
