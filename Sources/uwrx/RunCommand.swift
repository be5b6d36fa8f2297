import ArgumentParser
import Glibc
import Results
import Sandbox
import Tracing

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs a command in a virtual kernel.",
    discussion: """
      Without sources the guest's file tree is empty but for /dev, /proc, /run, /sys and /tmp. What it writes is kept in \
      BUILD/STEP/ATTEMPT/files. The exit status is the command's, 128 plus the signal that ended it, 124 if the time was over, \
      127 if the command was not found, 126 if it could not be run, and 125 if uwrx itself failed.
      """)

  @Flag(help: "Give the guest the host's programs, libraries and configuration, the tools of PATH, and the project.")
  var system = false

  @Option(
    help: ArgumentHelp(
      "The project that --system gives (default: the git working tree that the current directory is in, or that directory).",
      valueName: "directory"), completion: .directory)
  var project: String?

  @Flag(help: "Let --system give the current directory alone, whatever it belongs to.")
  var noProject = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      """
      Let a directory or file of the host appear in the guest, or what is in an archive: tar:FILE[!/SUBPATH], \
      squashfs:FILE[!/SUBPATH], git:REPOSITORY[!TREEISH] or oci:LAYOUT[:TAG][!/SUBPATH]. The lower priority number wins \
      (default 100).
      """,
      valueName: "dst[:priority][:ro]=[type:]path"))
  var source: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp("Stand on an earlier run: its files are below this run's own.", valueName: "trace"),
    completion: .directory)
  var parent: [String] = []

  @Flag(help: "Stand on parents that this user's uwrx has not made here, or that were changed since.")
  var trustParent = false

  @Option(
    help: ArgumentHelp(
      """
      Make the run of this trace again: its command, sources, parents, variables, limits, seed and clocks, as a new attempt of its step. \
      --source, --parent, --env and limits change what they name.
      """, valueName: "trace"), completion: .directory)
  var replay: String?

  @Option(
    help: ArgumentHelp(
      "Keep the guest's /tmp and /dev/shm in this directory while the run lasts (default: in memory).",
      valueName: "directory"),
    completion: .directory)
  var tmp: String?

  @Option(
    help: """
      The times of files that the run has not written: their own (default), or one for each layer (default of a reproducible run).
      """)
  var times: Times?

  @Option(help: ArgumentHelp("The directory that holds the runs.", valueName: "directory"), completion: .directory)
  var build = "build"

  @Option(help: ArgumentHelp("The step's number (default: the largest plus 10).", valueName: "number"))
  var step: UInt32?

  @Option(help: ArgumentHelp("The directory in the guest to start in.", valueName: "directory"))
  var workdir: String?

  @Option(help: ArgumentHelp("The user that the guest is to itself.", valueName: "uid"))
  var uid: UInt32 = 0

  @Option(help: ArgumentHelp("The group that the guest is to itself.", valueName: "gid"))
  var gid: UInt32 = 0

  @Option(help: ArgumentHelp("The guest's host name.", valueName: "name"))
  var hostname = "uwrx"

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Set an environment variable of the guest's, or give it the one that uwrx has.", valueName: "NAME[=value]"))
  var env: [EnvironmentArgument] = []

  @Flag(help: "Give the guest also variables that look like secrets.")
  var envAll = false

  @Flag(help: "Start with an empty environment.")
  var clearEnv = false

  @Option(help: ArgumentHelp("How many processes and threads the guest may have.", valueName: "number"))
  var pids: PositiveArgument?

  @Option(help: ArgumentHelp("How much memory the guest may use; K, M and G are understood.", valueName: "bytes"))
  var memory: SizeArgument?

  @Option(help: ArgumentHelp("End the guest after this time.", valueName: "seconds"))
  var timeout: DurationArgument?

  @Option(help: ArgumentHelp("End the guest when it has used this much processor time.", valueName: "seconds"))
  var cpuTime: DurationArgument?

  @Option(help: ArgumentHelp("How large a file of the guest's may become.", valueName: "bytes"))
  var fileSize: SizeArgument?

  @Option(help: ArgumentHelp("How much the guest may write that is kept.", valueName: "bytes"))
  var disk: SizeArgument?

  @Option(help: ArgumentHelp("How many descriptors a process of the guest's may have.", valueName: "number"))
  var openFiles: PositiveArgument?

  @Flag(help: "Refuse system calls that few programs need (uwrx syscalls names them).")
  var strictCalls = false

  @Option(
    help: ArgumentHelp(
      """
      Take the guest's random numbers, and its addresses, from this: one to sixteen hexadecimal digits, as seed.txt of a trace holds \
      them. They are the same in each run.
      """, valueName: "digits"))
  var seed: RunSeed?

  @OptionGroup(title: "Skipping")
  var skipping: SkipOptions

  @OptionGroup(title: "Network")
  var network: NetworkOptions

  @OptionGroup(title: "Reproducible runs")
  var clock: ClockOptions

  @OptionGroup(title: "Reproducible runs")
  var reproducible: ReproducibleOptions

  @Flag(
    inversion: .prefixedNo,
    help: """
      Let processes know themselves by numbers that are the same in each run (default: those of the kernel, but in a reproducible run).
      """)
  var processNumbers: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: """
      Answer instructions that ask the processor, rdtsc, rdrand and rdseed, as calls are (default: the processor does, but in a reproducible \
      run): with virtual clocks, and with a seed.
      """)
  var instructions: Bool?

  @Option(
    help: ArgumentHelp(
      """
      How much the trace tells: off (processes, programs and changes of files), default (also reads, misses, arguments, output, \
      connections), io (also each read, write and close).
      """,
      valueName: "off|default|io"))
  var trace = TraceLevel.standard

  @Flag(help: "At the end say on standard error what the run did, in figures.")
  var summary = false

  @Flag(help: "Say nothing but errors: not that a limit was reached, nor advice.")
  var quiet = false

  @Flag(help: "Say at the start where the run is kept, and what its sources and limits are.")
  var verbose = false

  @Flag(help: "Bring what the run has changed in the project to the host if the command succeeds, as uwrx apply does.")
  var apply = false

  @Argument(parsing: .postTerminator, help: "The command and its arguments, after --.", completion: .file())
  var command: [String] = []

  func run() throws {
    do {
      if let runs = reproducible.verify {
        let trace = try makeVerification(runs).run()
        if apply { try bringResults(of: trace) }
        return
      }
      let result = try Sandbox.run(try replay.map { try makeReplay(of: $0) } ?? makeConfiguration())
      if let message = result.limitHit, !quiet { printErrorLines(message) }
      if result.exitCode == 127, replay == nil, !system, source.isEmpty, parent.isEmpty, !quiet {
        printError("the guest's file tree is empty; give it --system or --source")
      }
      if summary { try printSummary(result.directory) }
      if apply, result.exitCode == 0 { try bringResults(of: result.directory) }
      throw ExitCode(result.exitCode)
    } catch let error as SupervisorError {
      printError(error.description)
      for line in error.details { printError(line) }
      throw ExitCode(125)
    } catch let error as TraceError {
      printError(error.description)
      throw ExitCode(125)
    }
  }

  private func printSummary(_ directory: String) throws {
    let summary = try RunSummary(try TraceDirectory(directory))
    for line in summary.lines { printError(line) }
  }

  private func bringResults(of directory: String) throws {
    // It was made just now, by this very user, where there is no key to tell so, too.
    var options = Results.Options()
    options.trusts = true
    do {
      let results = try Results(try TraceDirectory(directory), options)
      guard try applyResults(results, isQuiet: quiet) else { throw ExitCode(125) }
    } catch let error as TraceError {
      // After a run uwrx starts no other program, as archives need it.
      throw TraceError("\(error); the results are kept, and uwrx apply \(directory) tries again")
    }
  }

  var limits: Limits {
    var limits = Limits()
    limits.processes = pids?.value
    limits.memory = memory?.bytes
    limits.timeout = timeout?.seconds
    limits.processorTime = cpuTime?.seconds
    limits.fileSize = fileSize?.bytes
    limits.disk = disk?.bytes
    limits.openFiles = openFiles?.value
    for size in [memory, fileSize, disk].compactMap({ $0 }) { limits.spellings[size.bytes] = size.text }
    return limits
  }

  var givenSources: [Source] { source.compactMap { try? SourceArgument($0).source } }

  private func makeConfiguration() throws -> RunConfiguration {
    var configuration = RunConfiguration(command: command)
    configuration.environment = try makeEnvironment()
    configuration.sources = givenSources
    configuration.workingDirectory = workdir
    if system { giveSystem(&configuration) }
    if !quiet { warnOfHomes(configuration.sources) }
    configuration.parents = try parent.map { try TraceName($0, build: build).resolve().path }
    configuration.trustsParents = trustParent
    configuration.times = times ?? .host
    configuration.temporaryDirectory = tmp
    configuration.build = build
    configuration.step = step.map(Int.init)
    configuration.uid = uid
    configuration.gid = gid
    configuration.hostname = hostname
    configuration.limits = limits
    configuration.ownsProcess = true
    configuration.trace = trace
    configuration.seed = seed
    reproducible.apply(to: &configuration, hasTimes: times != nil)
    configuration.clock = try clock.rule(isVirtual: reproducible.isOn)
    configuration.hasProcessNumbers = processNumbers ?? reproducible.isOn
    configuration.answersInstructions = instructions ?? reproducible.isOn
    configuration.calls = strictCalls ? .strict : .standard
    configuration.network = network.configuration
    configuration.skipping = skipping.rules
    if !quiet { configuration.warn = { printError($0) } }
    var surroundings: String?
    if verbose {
      do { _ = try UserKey() } catch { printError("the trace is not signed: \(error.description)") }
      surroundings = self.surroundings(configuration) + (Walls.hasLandlock ? "" : "; this kernel has no Landlock")
    }
    configuration.willStart = { [surroundings] directory in
      LastLink.set(runAt: directory)
      if let surroundings { printError("the run is kept in \(directory)\(surroundings)") }
    }
    return configuration
  }
}

extension RunCommand {
  /// Root has the programs of administrators at hand, whoever the user is.
  private func addAdministration(_ environment: inout [String]) {
    guard system, uid == 0, !env.contains(where: { $0.name == "PATH" }),
      let index = environment.lastIndex(where: { $0.hasPrefix("PATH=") })
    else { return }
    let present = Set(environment[index].dropFirst(5).split(separator: ":"))
    for directory in ["/usr/local/sbin", "/usr/sbin", "/sbin"] where !present.contains(Substring(directory)) {
      environment[index] += ":" + directory
    }
  }

  /// What looks like a secret is withheld unless it is asked for.
  private func makeEnvironment() throws -> [String] {
    let own = Sandbox.environment()
    func name(_ variable: String) -> Substring { variable.prefix { $0 != "=" } }
    let fixed = envAll ? nil : reproducible.environment(uid: uid, epoch: try clock.seconds())
    var environment = clearEnv ? [] : fixed ?? own
    // The header is given in their place.
    let secrets = network.secretVariables + skipping.secretVariables
    environment.removeAll { variable in secrets.contains { $0 == name(variable) } }
    if !envAll, fixed == nil {
      let asked = Set(env.map { Substring($0.name) })
      let withheld = Self.secrets(environment).map(name)
      environment.removeAll { withheld.contains(name($0)) }
      let missed = withheld.filter { !asked.contains($0) }
      if !missed.isEmpty, !quiet {
        printError(
          "withheld, since they look like secrets: \(missed.joined(separator: ", ")); --env NAME or --env-all gives them"
        )
      }
    }
    for variable in env {
      let given = own.last { name($0) == variable.name }
      guard let value = variable.value ?? given.map({ String($0.dropFirst(variable.name.count + 1)) }) else {
        if !quiet { printError("--env \(variable.name): it is not set here; --env \(variable.name)=VALUE sets it") }
        continue
      }
      environment.removeAll { $0.hasPrefix(variable.name + "=") }
      environment.append("\(variable.name)=\(value)")
    }
    addAdministration(&environment)
    return environment
  }

  /// Git fails unless it has all of its numbered settings (git-config(1), GIT_CONFIG_COUNT): with one of them all are withheld.
  private static func secrets(_ environment: [String]) -> [String] {
    let gitSettings = ["GIT_CONFIG_COUNT=", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"]
    func isGitSetting(_ variable: String) -> Bool { gitSettings.contains { variable.hasPrefix($0) } }
    let secrets = environment.filter { SecretVariable.isSecret($0) }
    guard secrets.contains(where: isGitSetting) else { return secrets }
    return environment.filter { isGitSetting($0) || secrets.contains($0) }
  }

  private func warnOfHomes(_ sources: [Source]) {
    for source in sources where source.hidesSecrets {
      printError(
        "\(source.hostPath) is a home directory or has one in it: the guest sees it but for its secrets, .ssh and the like; "
          + "start in a project's directory instead")
    }
    for source in givenSources where source.kind == .host && HomeSecrets.isHome(source.hostPath) {
      printError(
        "\(source.hostPath) is a home directory or has one in it: its .ssh and the like are in the guest's view"
      )
    }
  }

  /// Sources, parents and limits for the line at the start.
  private func surroundings(_ configuration: RunConfiguration) -> String {
    let sources = configuration.sources.map {
      $0.kind == .host && $0.hostPath == $0.destination
        ? $0.destination : "\($0.destination)=\($0.kind.rawValue):\($0.hostPath)"
    }
    let limits: [(String, String?)] = [
      ("pids", pids.map { "\($0.value)" }), ("memory", memory?.text),
      ("timeout", timeout.map { "\($0.seconds)" }), ("cpu-time", cpuTime.map { "\($0.seconds)" }),
      ("file-size", fileSize?.text), ("disk", disk?.text),
      ("open-files", openFiles.map { "\($0.value)" }),
    ]
    let parts = [
      ("sources", sources), ("parents", parent),
      ("limits", limits.compactMap { name, value in value.map { "\(name) \($0)" } }),
    ]
    return parts.filter { !$0.1.isEmpty }.map { "; \($0.0): \($0.1.joined(separator: ", "))" }.joined()
  }
}

extension RunSummary {
  fileprivate var lines: [String] {
    [
      "\(processes) processes, \(programs - skipped) programs run"
        + (skipped > 0
          ? ", \(skipped) skipped, which had taken \(Self.decimal(skippedSeconds, places: 3)) s when they ran" : ""),
      "\(filesRead) files read, \(filesWritten) written",
      "\(calls) calls answered in \(Self.decimal(seconds, places: 3)) s",
      "trace of \(Self.size(traceBytes)), \(Self.size(eventBytes)) of it events",
    ]
  }

  private static func size(_ bytes: Int) -> String {
    switch bytes {
    case ..<(1 << 10): "\(bytes) bytes"
    case ..<(1 << 20): "\(decimal(Double(bytes) / 1024, places: 1)) KiB"
    case ..<(1 << 30): "\(decimal(Double(bytes) / 1_048_576, places: 1)) MiB"
    default: "\(decimal(Double(bytes) / 1_073_741_824, places: 1)) GiB"
    }
  }

  /// Without Foundation, which takes longer to load than all of uwrx.
  private static func decimal(_ value: Double, places: Int) -> String {
    let scale = (0..<places).reduce(1) { product, _ in product * 10 }
    let scaled = Int((value * Double(scale)).rounded())
    let fraction = String(scaled % scale)
    return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
  }
}

extension TraceLevel: ExpressibleByArgument {}
extension Times: ExpressibleByArgument {}
