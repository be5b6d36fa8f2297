import ArgumentParser
import Glibc

@main
struct Uwrx: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "uwrx",
    abstract: "A virtual kernel for Linux: runs a process tree contained, and keeps what it writes.",
    subcommands: [
      RunCommand.self, ListCommand.self, DiffCommand.self, ApplyCommand.self, UndoCommand.self, ExportCommand.self,
      PruneCommand.self, InspectCommand.self, UICommand.self, CheckCommand.self, SyscallsCommand.self,
      DoctorCommand.self,
      TestCommand.self,
      ConformanceCommand.self,
    ])

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
      Glibc.exit(flushOutput(0))
    } catch let code as ExitCode {
      Glibc.exit(flushOutput(code.rawValue))
    } catch {
      let code = exitCode(for: error)
      // Help and completion are no failures.
      if code == .success {
        print(fullMessage(for: error))
        Glibc.exit(flushOutput(0))
      }
      printErrorLines(message(for: error))
      Glibc.exit(125)
    }
  }
}
