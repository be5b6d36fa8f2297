import ArgumentParser
import Inspect
import Tracing
import VirtualKernel

struct InspectStatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Tells what the events of a run add up to.",
    discussion: """
      The calls, which are known when the run has ended, are those that uwrx has seen; their time is from receipt to answer. The \
      slowest calls are those of which events tell.
      """)

  @OptionGroup var options: InspectOptions

  @Option(help: ArgumentHelp("How many calls and processes to name.", valueName: "number"))
  var top = PositiveArgument(10)

  func run() throws {
    try options.report { trace, output in
      let statistics = try RunStatistics(trace, top: top.value, describer: EventText(callName: SyscallNumber.name(of:)))
      let report = StatisticsReport(statistics, top: top.value, callName: SyscallNumber.name(of:))
      switch options.format {
      case .text: try report.text(width: OutputTerminal.width, to: output)
      case .json: try report.json(to: output)
      }
      if statistics.isDamaged { options.warnOfDamage() }
    }
  }
}
