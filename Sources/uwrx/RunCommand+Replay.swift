import ArgumentParser
import Inspect
import Results
import Sandbox
import Supervisor
import Tracing

// `uwrx run --replay`: a recorded run is made again.
extension RunCommand {
  func validateReplay() throws {
    guard command.isEmpty else {
      throw ValidationError("--replay makes the recorded command again: leave out what follows --")
    }
    let others =
      [
        ("--system", system), ("--project", project != nil), ("--no-project", noProject), ("--workdir", workdir != nil),
        ("--step", step != nil), ("--seed", seed != nil), ("--clear-env", clearEnv), ("--env-all", envAll),
        ("--reproducible", reproducible.reproducible), ("--verify", reproducible.verify != nil),
        ("--times", times != nil), ("--time", clock.time != nil), ("--epoch", clock.epoch != nil),
        ("--process-numbers", processNumbers == true), ("--no-process-numbers", processNumbers == false),
        ("--instructions", instructions == true), ("--no-instructions", instructions == false),
        ("--strict-calls", strictCalls), ("--tmp", tmp != nil),
        ("--uid", uid != 0), ("--gid", gid != 0), ("--hostname", hostname != "uwrx"), ("--trace", trace != .standard),
      ] + reproducible.parts + network.recorded
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
    if network.noNet { configuration.network = nil }
    configuration.network?.allowsMisses = network.replayMisses == .allow
    let history = try RunHistory(recorded.trace)
    configuration.replayed = try ReplayedRun(recorded.trace, history)
    configuration.ownsProcess = true
    if !quiet {
      configuration.warn = { printError($0) }
      try warnOfChanges(since: recorded.trace, history, given: Set(givenSources.map(\.destination)))
    }
    configuration.willStart = { [verbose, trace = recorded.trace.path] directory in
      LastLink.set(runAt: directory)
      if verbose { printError("the run is kept in \(directory); it makes \(trace) again") }
    }
    return configuration
  }

  private static let mostNames = 5

  private func warnOfChanges(
    since trace: TraceDirectory, _ history: RunHistory, given: Set<String>
  ) throws {
    let changed = try ChangedSources(trace, history)
    func text(_ path: [UInt8]) -> String { String(decoding: Escaping.escape(path), as: UTF8.self) }
    func isGiven(_ path: [UInt8]) -> Bool {
      given.contains { HomeSecrets.isWithin(String(decoding: path, as: UTF8.self), $0) }
    }
    let sources = changed.sources.filter { !isGiven($0.destination) }.map { source in
      let kind = String(decoding: source.type, as: UTF8.self)
      let other = "--source \(text(source.destination))=\(kind == "host" ? "" : kind + ":")PATH"
      return source.isGone
        ? "the source \(text(source.hostPath)) is gone; \(other) gives it from where it is"
        : "the archive \(text(source.hostPath)) has changed since the run; \(other) gives it as it was"
    }
    let files = changed.files.filter { !isGiven($0.path) }.map { file in
      let other = "--source \(text(file.path))=FILE gives it"
      return switch file.change {
      case .gone: "\(text(file.path)), which the run has read, is gone; \(other)"
      case .appeared: "\(text(file.hostPath)), which the run has looked for in vain, is there now"
      case .changed: "\(text(file.hostPath)) has changed since the run; \(other) as it was"
      }
    }
    let lines = sources + files
    if lines.isEmpty { return }
    for line in lines.prefix(Self.mostNames) { printError(line) }
    if lines.count > Self.mostNames { printError("... and \(lines.count - Self.mostNames) more") }
    printError("what is not given is read as it is now")
  }
}
