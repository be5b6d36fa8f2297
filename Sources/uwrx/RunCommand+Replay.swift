import ArgumentParser
import Inspect
import Results
import Sandbox
import Tracing

// `uwrx run --replay`: a recorded run is made again.
extension RunCommand {
  func validateReplay() throws {
    guard command.isEmpty else {
      throw ValidationError("--replay makes the recorded command again: leave out what follows --")
    }
    let others = [
      ("--system", system), ("--project", project != nil), ("--no-project", noProject), ("--workdir", workdir != nil),
      ("--step", step != nil), ("--seed", seed != nil), ("--clear-env", clearEnv), ("--env-all", envAll),
      ("--reproducible", reproducible.reproducible), ("--verify", reproducible.verify != nil),
      ("--times", times != nil), ("--time", clock.time != nil), ("--epoch", clock.epoch != nil),
      ("--process-numbers", processNumbers != nil), ("--instructions", instructions != nil),
      ("--strict-calls", strictCalls), ("--tmp", tmp != nil),
      ("--uid", uid != 0), ("--gid", gid != 0), ("--hostname", hostname != "uwrx"), ("--trace", trace != .standard),
    ]
    if let (name, _) = others.first(where: { $0.1 }) {
      throw ValidationError("--replay makes the run as it was recorded, which excludes \(name)")
    }
  }

  /// The recorded run's configuration, with the sources, parents and variables that are given now.
  func makeReplay(of name: String) throws -> RunConfiguration {
    let recorded = try RecordedRun(try TraceName(name, build: build).resolve())
    var configuration = RunConfiguration(command: recorded.command)
    let own = Sandbox.environment()
    configuration.environment = env.compactMap { variable in
      let value = variable.value.map { "\(variable.name)=\($0)" }
      return value ?? own.last { $0.hasPrefix(variable.name + "=") }
    }
    configuration.sources = givenSources
    configuration.parents = try parent.map { try TraceName($0, build: build).resolve().path }
    configuration.trustsParents = trustParent
    configuration.limits = limits
    try recorded.configure(&configuration, own: own)
    configuration.replayed = recorded.trace.path
    configuration.ownsProcess = true
    if !quiet {
      configuration.warn = { printError($0) }
      try warnOfChanges(since: recorded.trace, given: Set(givenSources.map(\.destination)))
    }
    configuration.willStart = { [verbose, trace = recorded.trace.path] directory in
      LastLink.set(runAt: directory)
      if verbose { printError("the run is kept in \(directory); it makes \(trace) again") }
    }
    return configuration
  }

  private static let mostNames = 5

  private func warnOfChanges(since trace: TraceDirectory, given: Set<String>) throws {
    let changed = try ChangedSources(trace).files.filter { file in
      !given.contains { HomeSecrets.isWithin(String(decoding: file.path, as: UTF8.self), $0) }
    }
    guard !changed.isEmpty else { return }
    func text(_ path: [UInt8]) -> String { String(decoding: Escaping.escape(path), as: UTF8.self) }
    for file in changed.prefix(Self.mostNames) {
      switch file.change {
      case .gone: printError("\(text(file.path)), which the run has read, is gone")
      case .appeared: printError("\(text(file.hostPath)), which the run has looked for in vain, is there now")
      case .changed: printError("\(text(file.hostPath)) has changed since the run")
      }
    }
    if changed.count > Self.mostNames { printError("... and \(changed.count - Self.mostNames) files more") }
    printError(
      "the replay reads them as they are now; --source \(text(changed[0].path))=FILE gives it one as it was")
  }
}
