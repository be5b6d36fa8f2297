import ArgumentParser
import Results
import Tracing

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Brings out what a run wrote: to a directory, or as a tar archive.",
    discussion: """
      The last version of each file, by its path in the guest, whatever the host has. In a directory files are yours and without \
      set-id bits; a tar archive has the owners and modes that the guest saw. What the run has removed is not told: see uwrx diff. \
      Files that hold the certificate of the run's own authority (uwrx run --net) are named, and nothing is brought out.
      """)

  @Argument(help: TraceArgument.help)
  var trace: TraceArgument

  @Argument(help: ArgumentHelp("Only these files and directories of the guest.", valueName: "path"))
  var paths: [String] = []

  @Option(help: ArgumentHelp("A directory, which is made or is empty.", valueName: "directory"))
  var to: String?

  @Option(help: ArgumentHelp("A tar archive that is made; - is standard output.", valueName: "file"))
  var tar: String?

  @Option(
    name: [.customShort("C"), .long],
    help: ArgumentHelp(
      "Only what is in this directory of the guest, named from there (default: /).", valueName: "directory"))
  var directory = "/"

  @Flag(help: "Also what the runs wrote that the run stands on.")
  var withParents = false

  @Flag(help: "Also what holds the certificate of the run's own authority.")
  var force = false

  func validate() throws {
    guard (to == nil) != (tar == nil) else {
      throw ValidationError("Where to export to is not told: give --to DIRECTORY or --tar FILE")
    }
  }

  func run() throws {
    try reportingTraceErrors {
      let export = try Export(
        trace.resolve(), directory: directory, paths: paths, withParents: withParents, forces: force,
        to: to.map { .directory($0) } ?? .tar(tar!))
      try export.perform()
      printNotes(export.leftOut) { "left out: \($0.path): \($0.reason)" }
    }
  }
}
