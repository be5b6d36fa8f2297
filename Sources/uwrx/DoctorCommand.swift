import ArgumentParser
import Glibc
import Sandbox
import Supervisor

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Tells which walls stand on this machine.",
    discussion: """
      Each line is a wall between a guest and this machine, whether it stands, is replaced by something weaker or is missing, and \
      why. At last a program is run. The exit status is 0 if that succeeds and 125 if it does not.
      """)

  func run() throws {
    do {
      let walls = try Walls.inspect()
      let width = walls.map(\.name.count).max() ?? 0
      for wall in walls {
        try printMessage(
          "\(wall.state.rawValue.padded(to: 7))  \(wall.name.padded(to: width))  \(wall.detail)")
      }
      try runSomething()
      try printMessage("A run works here.")
    } catch let error as SupervisorError {
      printError(error.description)
      throw ExitCode(125)
    }
  }

  private func runSomething() throws(SupervisorError) {
    var template = Array("/var/tmp/uwrx-doctor-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw SupervisorError("cannot make a directory in /var/tmp: \(String(cString: strerror(errno)))")
    }
    let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { TemporaryDirectory.removeTree(directory) }
    var configuration = RunConfiguration(command: ["true"], environment: ["PATH=/usr/bin:/bin"])
    let system = Sandbox.systemSources(project: .none, environment: [])
    (configuration.sources, configuration.links) = (system.sources, system.links)
    configuration.build = directory
    configuration.ownsProcess = true
    let result = try Sandbox.run(configuration)
    guard result.exitCode == 0 else { throw SupervisorError("true ended with \(result.exitCode) under uwrx") }
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
