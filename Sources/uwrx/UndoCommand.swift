import ArgumentParser
import Results
import Tracing

struct UndoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "undo", abstract: "Puts back what the last apply of a run has changed.",
    discussion: """
      If something was changed since, it is named and nothing is done. The exit status is 0 if all was put back, 1 if something was \
      refused and named, and 125 if uwrx failed.
      """)

  @Argument(help: TraceArgument.help)
  var trace: TraceArgument

  @Flag(help: "Say what would be put back, and do nothing.")
  var dryRun = false

  @Flag(help: "Also put back what was changed since; those changes are lost.")
  var force = false

  @Flag(help: "Accept a trace that this user's uwrx has not made here.")
  var trustParent = false

  func run() throws {
    try reportingTraceErrors {
      let trace = try trace.resolve()
      guard let undo = try Undo(trace, trusts: trustParent) else {
        throw TraceError("the trace \(trace.path) was not applied, or that is undone already")
      }
      let conflicts = try undo.conflicts()
      if !force, !conflicts.isEmpty {
        printNotes(conflicts) { "\($0.path): \($0.reason)" }
        printError("nothing was put back: --force puts back all, and what was changed since is lost")
        throw ExitCode(1)
      }
      if dryRun {
        for path in undo.paths { try printMessage(path) }
        return
      }
      let staying = try undo.perform(forces: force)
      for path in staying { printError("\(path) stays: there is something in it") }
      if !staying.isEmpty { throw ExitCode(1) }
    }
  }
}
