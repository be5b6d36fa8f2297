import ArgumentParser
import Inspect
import Tracing

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Tells whether a run's record is whole and fits together.",
    discussion: "The exit status is 0 if it is, 1 if something is wrong, which is then named.")

  @Argument(help: "The run's directory, BUILD/STEP/ATTEMPT.")
  var trace: String

  func run() throws {
    do {
      let problems = TraceCheck.problems(of: try TraceDirectory(trace))
      for problem in problems { print(problem) }
      if !problems.isEmpty { throw ExitCode(1) }
    } catch let error as TraceError {
      printError(error.description)
      throw ExitCode(125)
    }
  }
}
