import ArgumentParser
import Inspect
import Tracing

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Answers questions about a run.", subcommands: [InspectFilesCommand.self])
}

struct InspectFilesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "files", abstract: "Lists the files that a run read, changed, or looked for and missed.")

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

  @Argument(help: "The run's directory, BUILD/STEP/ATTEMPT.")
  var trace: String

  @Flag(help: "Name the processes, too.")
  var who = false

  @Option(help: ArgumentHelp("Only what this process did.", valueName: "pid"))
  var byPid: UInt32?

  @Option(help: "How to print it.")
  var format = Format.text

  func run() throws {
    do {
      let report = FilesReport(try FileHistory(try TraceDirectory(trace), only: byPid))
      switch format {
      case .text: report.text(who: who) { print($0, terminator: "") }
      case .json: report.json { print($0, terminator: "") }
      }
    } catch {
      printError(error.description)
      throw ExitCode(125)
    }
  }
}
