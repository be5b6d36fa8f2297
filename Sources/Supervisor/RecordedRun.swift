import Reproducibility
import Tracing
import VirtualKernel

/// What a trace tells of how its run was made, so that it can be made again.
public struct RecordedRun {
  public let trace: TraceDirectory
  public let command: [String]
  private let options: [String: String]
  /// Of each there may be several.
  private let networkOptions: [(String, String)]
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
    networkOptions = lines.filter { ["allow", "deny", "resolve", "net-passthrough"].contains($0[0]) }.map {
      ($0[0], $0[1])
    }
    environment = lines.filter { $0[0] == "env" }.map { $0[1] }
    sources = try TraceSources(trace)
    seed = try trace.fields(of: "seed.txt").first.flatMap { text($0).first } ?? ""
    key = try? UserKey()
    guard !command.isEmpty else { throw TraceError("the trace \(trace.path) names no command") }
    try requireReproduction()
  }

  /// What is not recorded, or not as this uwrx records it, is not made up.
  private func requireReproduction() throws(TraceError) {
    let words: KeyValuePairs<String, Set<String>> = [
      "random": ["kernel", "seed"], "machine": ["host", "uniform"], "process-numbers": ["kernel", "same"],
      "instructions": ["processor", "same"], "times": Set(Times.allCases.map(\.rawValue)),
      "trace": Set(TraceLevel.allCases.map(\.rawValue)), "calls": Set(CallProfile.allCases.map(\.rawValue)),
      "groups": ["user", "none"],
    ]
    for (name, known) in words { try require(name) { known.contains($0) } }
    for name in ["uid", "gid"] { try require(name) { UInt32($0) != nil } }
    try require("time") { $0 == "real" || Self.clock($0, options["epoch"] ?? "") != nil }
    try require("umask") { $0.isEmpty || UInt32($0, radix: 8) != nil }
    for name in Self.limits { try require(name) { $0.isEmpty || Double($0) != nil } }
    if options["machine"] == "uniform" { try require("cpus") { Int($0) != nil } }
    if options["random"] == "seed", RunSeed(digits: seed) == nil {
      throw TraceError("the trace \(trace.path) does not say what its seed was")
    }
  }

  /// Of replays, one of the other.
  private static let mostReplays = 1000
  private static let limits = ["pids", "memory", "timeout", "cpu-time", "file-size", "disk", "open-files"]

  private func require(_ name: String, _ isKnown: (String) -> Bool) throws(TraceError) {
    guard let value = options[name] else {
      throw TraceError("the trace \(trace.path) does not say what its \(name) was: an older uwrx has made it")
    }
    if !isKnown(value) {
      throw TraceError("the trace \(trace.path) says of its \(name) what this uwrx does not know: \(value.prefix(100))")
    }
  }

  private static func clock(_ time: String, _ epoch: String) -> ClockRule? {
    guard time.hasPrefix("advancing:"), let tick = UInt64(time.dropFirst(10)), let epoch = UInt64(epoch),
      epoch < UInt64(Int64.max) / 1_000_000_000
    else { return nil }
    return ClockRule(epoch: epoch * 1_000_000_000, tick: min(tick, 1_000_000_000))
  }

  /// Makes a configuration that of the recorded run.
  /// - Parameters:
  ///   - configuration: its sources stand in the place of recorded ones for the same destination, its parents above the recorded ones, and
  ///     its variables in the place of recorded ones.
  ///   - own: the user's variables, among which are the values of secrets.
  /// - Throws: what the trace does not hold and the user does not give, or that the trace is not the user's.
  public func configure(_ configuration: inout RunConfiguration, own: [String]) throws(SupervisorError) {
    let parents: [TraceDirectory]
    do throws(TraceError) { parents = try trace.parents() } catch { throw SupervisorError(error.description) }
    try ParentTrust(configuration: configuration, key: key).require(trace, sources, to: "repeat")
    configuration.command = command
    configuration.environment = try variables(given: configuration.environment, own: own)
    let replaced = Set(configuration.sources.map(\.destination))
    configuration.sources = configuration.sources.map(asRecorded)
    configuration.sources += sources.sources.filter { !replaced.contains($0.destination) }
    configuration.links = sources.links
    configuration.emptyDirectories = sources.emptyDirectories
    configuration.parents = parents.map(\.path) + configuration.parents
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
    repeatNetwork(&configuration)
    repeatLimits(&configuration.limits)
    repeatReproduction(&configuration)
  }

  /// What stands in the place of a recorded source hides as much, and comes as early, as that did.
  private func asRecorded(_ given: Source) -> Source {
    guard let recorded = sources.sources.first(where: { $0.destination == given.destination }) else { return given }
    var source = given
    if !given.isPriorityGiven { source.priority = recorded.priority }
    source.isReadOnly = given.isReadOnly || recorded.isReadOnly
    source.isTool = recorded.isTool
    if given.kind == .host {
      source.hidesPrivate = given.hidesPrivate || recorded.hidesPrivate
      source.hidesSecrets = given.hidesSecrets || recorded.hidesSecrets
    }
    return source
  }

  private func number(_ name: String) -> Int? { options[name].flatMap { Int($0) } }

  /// What was recorded answers; there is no other network.
  private func repeatNetwork(_ configuration: inout RunConfiguration) {
    guard options["net"] == "record" else { return }
    var network = NetworkConfiguration()
    func all(_ name: String) -> [String] { networkOptions.filter { $0.0 == name }.map(\.1) }
    network.allowed = all("allow")
    network.denied = all("deny")
    network.resolutions = all("resolve")
    network.passthrough = all("net-passthrough")
    network.allowsPush = options["allow-push"] != nil
    // A replay holds nothing of its own: what it was answered stands where that came from.
    var path = trace.path
    for _ in 0..<Self.mostReplays {
      guard let earlier = realPath("\(path)/replay") else { break }
      path = earlier
    }
    network.recorded = path
    configuration.network = network
  }

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
    configuration.clock = Self.clock(options["time"] ?? "", options["epoch"] ?? "")
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
