@_exported import Supervisor

/// Runs programs in a virtual kernel, from another program.
///
///     var configuration = RunConfiguration(command: ["make"])
///     let system = Sandbox.systemSources()
///     (configuration.sources, configuration.links) = (system.sources, system.links)
///     configuration.sources.append(Source(destination: "/src", hostPath: "project"))
///     let result = try Sandbox.run(configuration)
///
/// A run forks: call it before the program makes threads that hold locks.
public enum Sandbox {
  /// Runs a command to the end of its last process.
  /// - Throws: `SupervisorError` for a failure of uwrx's own, with a message for the user.
  public static func run(_ configuration: RunConfiguration) throws(SupervisorError) -> RunResult {
    try Supervisor.run(configuration)
  }
}
