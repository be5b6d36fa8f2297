import ArgumentParser

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Answers questions about a run.",
    subcommands: [InspectFilesCommand.self])
}
