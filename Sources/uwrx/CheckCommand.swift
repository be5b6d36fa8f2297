import ArgumentParser
import Inspect
import Tracing
import VirtualKernel

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Tells whether a run's record is whole and fits together.",
    discussion: """
      The exit status is 0 if it is, 1 if something is wrong, which is then named. It is also told whether the trace is signed by \
      this user: no run stands on another unasked. With --repair the record of a run that \
      was killed is finished: it then holds all that was known, says that the run was killed, and no run can stand on it.
      """)

  @Argument(help: TraceArgument.help)
  var trace: TraceArgument

  @Flag(help: "Finish the record of a run that was killed.")
  var repair = false

  func run() throws {
    do {
      let trace = try trace.resolve()
      try trace.requireReadable()
      if repair, case .repaired(let events) = try TraceRepair.repair(trace, callName: SyscallNumber.name(of:)) {
        try printMessage("repaired \(trace.path): \(events) events were saved")
      }
      // Whoever has it repaired knows that the run was killed.
      let problems = TraceCheck.problems(of: trace, acceptsKilled: repair)
      for problem in problems { try printMessage(problem) }
      if !problems.isEmpty { throw ExitCode(1) }
      if trace.isComplete { try printMessage(TraceCheck.verdict(on: trace)) }
    } catch let error as TraceError {
      printError(error.description)
      throw ExitCode(125)
    }
  }
}
