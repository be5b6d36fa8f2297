import Reproducibility
import Tracing
import VirtualKernel

/// What a trace tells of how its run was made, so that it can be made again.
public struct RecordedRun {
  public let trace: TraceDirectory
  public let command: [String]
  private let options: [String: String]
  /// `NAME=value`; the value of what looks like a secret is a digest.
  private let environment: [String]
  private let sources: TraceSources
  private let seed: String
  private let key: UserKey?

  /// - Throws: a message if the trace cannot be read, or lacks what a run needs.
  public init(_ trace: TraceDirectory) throws(TraceError) {
    self.trace = trace
    try trace.requireReadable()
    func text(_ line: [[UInt8]]) -> [String] { line.map { String(decoding: $0, as: UTF8.self) } }
    command = try trace.fields(of: "cmd").compactMap { text($0).first }
    let lines = try trace.fields(of: "options").map(text).filter { $0.count == 2 }
    options = Dictionary(lines.filter { $0[0] != "env" }.map { ($0[0], $0[1]) }) { first, _ in first }
    environment = lines.filter { $0[0] == "env" }.map { $0[1] }
    sources = try TraceSources(trace)
    seed = try trace.fields(of: "seed.txt").first.flatMap { text($0).first } ?? ""
    key = try? UserKey()
    guard !command.isEmpty else { throw TraceError("the trace \(trace.path) names no command") }
    for name in ["uid", "gid", "random", "time", "machine", "process-numbers", "instructions"]
    where options[name] == nil {
      throw TraceError("the trace \(trace.path) does not say what its \(name) was: an older uwrx has made it")
    }
  }

  /// Makes a configuration that of the recorded run.
  /// - Parameters:
  ///   - configuration: its sources stand in the place of recorded ones for the same destination, its parents above the recorded ones, and
  ///     its variables in the place of recorded ones.
  ///   - own: the user's variables, among which are the values of secrets.
  /// - Throws: what the trace does not hold and the user does not give, or that the trace is not the user's.
  public func configure(_ configuration: inout RunConfiguration, own: [String]) throws(SupervisorError) {
    try ParentTrust(configuration: configuration, key: key).require(trace, sources, to: "repeat")
    configuration.command = command
    configuration.environment = try variables(given: configuration.environment, own: own)
    let replaced = Set(configuration.sources.map(\.destination))
    configuration.sources += sources.sources.filter { !replaced.contains($0.destination) }
    configuration.links = sources.links
    configuration.emptyDirectories = sources.emptyDirectories
    do throws(TraceError) {
      configuration.parents = try trace.parents().map(\.path) + configuration.parents
    } catch { throw SupervisorError(error.description) }
    // Where the trace is, and not where it was made: runs can be moved.
    let place = trace.path.split(separator: "/", omittingEmptySubsequences: false)
    if place.count > 2, let step = Int(place[place.count - 2]), Int(place[place.count - 1]) != nil {
      configuration.step = step
      configuration.build = place.dropLast(2).joined(separator: "/")
      if configuration.build.isEmpty { configuration.build = "/" }
    }
    configuration.workingDirectory = options["workdir"].flatMap { $0.isEmpty ? nil : $0 }
    configuration.uid = number("uid").map { UInt32(truncatingIfNeeded: $0) } ?? 0
    configuration.gid = number("gid").map { UInt32(truncatingIfNeeded: $0) } ?? 0
    configuration.hostname = options["hostname"] ?? configuration.hostname
    configuration.times = options["times"].flatMap { Times(rawValue: $0) } ?? .host
    configuration.temporaryDirectory = options["tmp"].flatMap { $0.isEmpty ? nil : $0 }
    configuration.trace = options["trace"].flatMap { TraceLevel(rawValue: $0) } ?? .standard
    configuration.calls = options["calls"].flatMap { CallProfile(rawValue: $0) } ?? .standard
    configuration.umask = options["umask"].flatMap { UInt32($0, radix: 8) }
    configuration.keepsGroups = options["groups"] != "none"
    repeatLimits(&configuration.limits)
    repeatReproduction(&configuration)
  }

  private func number(_ name: String) -> Int? { options[name].flatMap { Int($0) } }

  private func repeatLimits(_ limits: inout Limits) {
    limits.processes = limits.processes ?? number("pids")
    limits.memory = limits.memory ?? number("memory")
    limits.timeout = limits.timeout ?? options["timeout"].flatMap { Double($0) }
    limits.processorTime = limits.processorTime ?? options["cpu-time"].flatMap { Double($0) }
    limits.fileSize = limits.fileSize ?? number("file-size")
    limits.disk = limits.disk ?? number("disk")
    limits.openFiles = limits.openFiles ?? number("open-files")
  }

  private func repeatReproduction(_ configuration: inout RunConfiguration) {
    configuration.seed = options["random"] == "seed" ? RunSeed(digits: seed) : nil
    configuration.hasProcessNumbers = options["process-numbers"] == "same"
    configuration.answersInstructions = options["instructions"] == "same"
    if let tick = options["time"].flatMap({ $0.hasPrefix("advancing:") ? UInt64($0.dropFirst(10)) : nil }),
      let epoch = options["epoch"].flatMap({ UInt64($0) }), epoch < UInt64(Int64.max) / 1_000_000_000
    {
      configuration.clock = ClockRule(epoch: epoch * 1_000_000_000, tick: min(tick, 1_000_000_000))
    }
    if options["machine"] == "uniform" {
      let processors = min(max(number("cpus") ?? 1, 1), UniformMachine.mostProcessors)
      configuration.machine = UniformMachine(
        processors: processors, release: options["kernel-version"] ?? UniformMachine.usualRelease)
    }
  }

  /// The recorded variables, with those that the user gives in their place, and with the user's own values of secrets.
  private func variables(given: [String], own: [String]) throws(SupervisorError) -> [String] {
    let secrets = SecretVariable(key: key?.key(for: "secrets of environments"))
    func name(_ variable: String) -> Substring { variable.prefix { $0 != "=" } }
    let replaced = Set(given.map(name))
    var variables: [String] = []
    for recorded in environment where !replaced.contains(name(recorded)) {
      guard recorded.dropFirst(name(recorded).count).hasPrefix("=<secret:") else {
        variables.append(recorded)
        continue
      }
      guard let value = own.last(where: { name($0) == name(recorded) }), secrets.recorded(value) == recorded else {
        throw SupervisorError(
          "the run had a variable \(name(recorded)) that looks like a secret, and the trace does not hold its value: set it as it was "
            + "then, or give --env \(name(recorded))=VALUE for another")
      }
      variables.append(value)
    }
    return variables + given
  }
}
