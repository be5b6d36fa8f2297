import ArgumentParser

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Answers questions about a run, also while it goes on.",
    discussion: """
      In what is printed a backslash, a control character or a byte that is no UTF-8 stands as \\xHH in names and paths; \
      command lines are quoted as a shell takes them. JSON is an object per line; its times are nanoseconds since the \
      start of the run.
      """,
    subcommands: [
      InspectProcsCommand.self, InspectOutputCommand.self, InspectEventsCommand.self, InspectFilesCommand.self,
      InspectStatsCommand.self, InspectNetCommand.self, InspectSkipsCommand.self, InspectMissesCommand.self,
    ])
}
