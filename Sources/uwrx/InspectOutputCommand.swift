import ArgumentParser
import Inspect
import SystemPackage
import Tracing

struct InspectOutputCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "output", abstract: "Prints what the processes of a run have printed, byte for byte.")

  enum StreamFlag: String, EnumerableFlag {
    case stdout, stderr

    static func help(for value: StreamFlag) -> ArgumentHelp? {
      value == .stdout ? "Only what was written to standard output." : "Only what was written to standard error."
    }
  }

  @OptionGroup var options: InspectOptions

  @Argument(help: "Only what this process has printed itself.")
  var pid: ProcessNumber?

  @Flag(exclusivity: .exclusive)
  var stream: StreamFlag?

  func run() throws {
    try options.report { trace, output in
      let report = OutputReport(of: pid, stream: stream.map { $0 == .stdout ? .stdout : .stderr })
      let outcome: OutputReport.Outcome
      switch options.format {
      case .text: outcome = try report.raw(trace, to: output)
      case .json: outcome = try report.json(trace, to: output)
      }
      try output.flush()
      for cut in outcome.cut {
        printError(
          "not all that process \(cut.process) has printed was recorded: there is more after its first \(cut.recorded) bytes"
        )
      }
      if outcome.isDamaged { options.warnOfDamage() }
    }
  }
}
