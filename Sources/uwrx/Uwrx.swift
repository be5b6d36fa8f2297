import ArgumentParser
import Glibc
import Sandbox
import SystemPackage

@main
struct Uwrx: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "uwrx",
    abstract: "A virtual kernel for Linux: runs a process tree contained, and keeps what it writes.",
    version: "uwrx \(version)",
    subcommands: [
      RunCommand.self, ListCommand.self, DiffCommand.self, ApplyCommand.self, UndoCommand.self, ExportCommand.self,
      PruneCommand.self, CacheCommand.self, InspectCommand.self, UICommand.self, CheckCommand.self,
      SyscallsCommand.self,
      DoctorCommand.self,
      TestCommand.self,
      ConformanceCommand.self,
    ])

  static func main() {
    // What is opened from here on must not become standard output.
    ClosedDescriptors.hold()
    do {
      let arguments = Sandbox.arguments()
      try checkHelp(arguments)
      var command = try parse(arguments)
      try command.run()
      Glibc.exit(0)
    } catch {
      Glibc.exit(status(for: error))
    }
  }

  private static func status(for error: any Error) -> Int32 {
    if let code = error as? ExitCode { return code.rawValue }
    // Nothing else comes as one.
    if let failure = error as? Errno { return outputStatus(failure) }
    guard exitCode(for: error) == .success else {
      printErrorLines(message(for: error))
      return 125
    }
    // Help and completion are no failures.
    do throws(Errno) { try printOutput(fullMessage(for: error) + "\n") } catch { return outputStatus(error) }
    return 0
  }

  /// The guest's command is none of the parser's, whose time grows with the square of the arguments.
  private static func parse(_ arguments: [String]) throws -> any ParsableCommand {
    guard arguments.first == RunCommand.configuration.commandName, let terminator = arguments.firstIndex(of: "--"),
      terminator + 1 < arguments.count
    else { return try parseAsRoot(arguments) }
    let command = Array(arguments[(terminator + 1)...])
    if let run = RunCommand(plain: arguments[1..<terminator], command: command) { return run }
    // An option of the parser's has a value or none.
    let own = arguments[...(terminator + 1)].map { $0 == "--net" ? "--net=record" : $0 }
    // A run is to start at once: without the other commands the parser has less to do. What is wrong, or asks for help, is told by all.
    let alone = try? RunCommand.parse(Array(own.dropFirst()))
    let parsed: any ParsableCommand = try alone ?? parseAsRoot(Array(own))
    guard var run = parsed as? RunCommand else { return parsed }
    run.command = command
    return run
  }

  /// The parser answers `help nosuch` as it answers `help`.
  private static func checkHelp(_ arguments: [String]) throws {
    guard arguments.first == "help" else { return }
    var known: [any ParsableCommand.Type] = configuration.subcommands
    var path = "uwrx"
    for name in arguments.dropFirst() where !name.hasPrefix("-") && !(path == "uwrx" && name == "help") {
      guard let command = known.first(where: { $0.configuration.commandName == name }) else {
        throw ValidationError("\(path) has no command \(name): \(path) --help lists them")
      }
      known = command.configuration.subcommands
      path += " " + name
    }
  }
}
