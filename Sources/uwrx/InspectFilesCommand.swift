import ArgumentParser
import Inspect
import Tracing

struct InspectFilesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "files", abstract: "Lists the files that a run read, changed, or looked for and missed.")

  @OptionGroup var options: InspectOptions

  @Flag(help: "Name the processes, the versions that they saw or made, and where these are kept.")
  var who = false

  @Option(help: ArgumentHelp("Only what this process did.", valueName: "pid"))
  var byPid: ProcessNumber?

  func run() throws {
    try options.report { trace, output in
      let history = try RunHistory(trace)
      let pid = try byPid.map { try history.requireProcess($0, in: trace) }
      let report = FilesReport(history, versions: VersionPlaces(trace, history), of: pid)
      switch options.format {
      case .text: try report.text(who: who, to: output)
      case .json: try report.json(to: output)
      }
      if history.isDamaged { options.warnOfDamage() }
    }
  }
}
