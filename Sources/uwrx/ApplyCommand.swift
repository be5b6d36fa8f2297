import ArgumentParser
import Inspect
import Results
import Tracing

struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Brings what a run has changed to the host.",
    discussion: """
      The last version of each file that the run wrote takes the place of the one on the host, and what it removed is removed, in the \
      project: the directories and files that the run was given, without the system's. What is elsewhere is applied if its path is \
      given. Of the runs that it stands on nothing is applied but with --with-parents. If something was changed there since the run has \
      seen it, it is named and nothing is done; so it is if a file holds the certificate of the run's own authority (uwrx run --net), which \
      nobody on the host is to trust. What would have programs run on the host later, git's hooks and configuration, start-up \
      files of shells and the like, is applied only if its own path is given. Files become the applying user's, without set-id bits; \
      symbolic links are made as they are, and those that lead out of the directory are named. Each file is there whole or not at all; \
      originals are kept in the trace, and uwrx undo puts them back, also after an apply that was killed.

      The exit status is 0 if all was applied, 1 if something was refused and named, and 125 if uwrx failed, or nothing was \
      applied for the certificate's sake.
      """)

  @OptionGroup var options: ResultsOptions

  @Flag(help: "Say what would be done, and do nothing.")
  var dryRun = false

  @Flag(
    help:
      "Also replace what was changed since the run has seen it, and apply its certificate; uwrx undo brings back what was there."
  )
  var force = false

  func run() throws {
    try reportingTraceErrors {
      let trace = try options.trace.resolve()
      if !dryRun, try ApplyJob.finishCutOff(trace, trusts: options.trustParent) {
        printError("an earlier apply of \(trace.path) was cut off: what it had done is put back first")
      }
      let results = try options.results()
      guard try applyResults(results, isDryRun: dryRun, forces: force) else { throw ExitCode(1) }
    }
  }
}

/// Applies, and says what was done and what not.
/// - Returns: whether all was applied.
func applyResults(
  _ results: Results, isDryRun: Bool = false, forces: Bool = false, isQuiet: Bool = false
) throws -> Bool {
  let conflicts = results.conflicts
  if !forces, !conflicts.isEmpty {
    printNotes(conflicts) { "\($0.path): \($0.reason)" }
    printError("nothing was applied: give the paths that are wanted, or --force to replace these, too")
    return false
  }
  let authorities = results.authorities
  if !forces, !authorities.isEmpty {
    printNotes(authorities) { "\($0.path): \($0.reason), whose key lies in the trace" }
    throw TraceError(
      "nothing was applied: give the paths that are wanted without \(authorities.count == 1 ? "this one" : "these"), or --force"
    )
  }
  let (done, remarks) = (results.done, results.remarks)
  if !isDryRun { try results.apply() }
  if !isQuiet {
    let output = OutputBuffer()
    for note in done {
      output.append("\(note.reason)\t\(note.path)")
      try output.endLine()
    }
    try output.flush()
    printNotes(remarks) { "\($0.path): \($0.reason)" }
    printNotes(results.leftOut) { "left out: \($0.path): \($0.reason)" }
    if !results.leftOut.isEmpty { printError("a path that is given is applied, and uwrx export brings out all") }
  }
  let cautions = results.cautions
  printNotes(cautions) { "not applied: \($0.path): \($0.reason)" }
  return cautions.isEmpty
}
