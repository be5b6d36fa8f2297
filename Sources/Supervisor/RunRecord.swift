import CLinux
import Glibc
import Network
import Reproducibility
import SystemPackage
import Tracing
import VirtualKernel

/// What a run's directory tells of the run, beside the files that the guest wrote.
struct RunRecord {
  let directory: RunDirectory
  let events: EventWriter
  /// What the trace is signed with; nil if the user has no place for one.
  let key: UserKey?
  let secrets: SecretVariable

  /// Writes what is known before the run.
  init(
    _ directory: RunDirectory, _ configuration: RunConfiguration, parents: [TraceDirectory], _ key: UserKey?
  ) throws(SupervisorError) {
    self.key = key
    secrets = SecretVariable(key: key?.key(for: "secrets of environments"))
    self.directory = directory
    let disposition = signal(SIGXFSZ, SIG_IGN)
    defer { signal(SIGXFSZ, disposition) }
    do throws(Errno) {
      let path = directory.path
      let options = Self.options(configuration, directory, secrets)
      try TraceDirectory.write(
        "\(path)/options", options.flatMap { TraceDirectory.line([$0.name, $0.value]) })
      let sources = Self.sources(configuration)
      try TraceDirectory.write("\(path)/sources", sources.flatMap { TraceDirectory.line($0) })
      // Of a run without one it is a proposal for the next.
      let seed = (configuration.seed ?? RunSeed(.random(in: .min ... .max))).description
      try TraceDirectory.write("\(path)/seed.txt", TraceDirectory.line([seed]))
      if !parents.isEmpty { try Self.makeDirectory("\(path)/parent") }
      for (index, parent) in parents.enumerated() {
        // Runs of one build directory can be moved together.
        let isNear = parent.path.hasPrefix(directory.build + "/")
        let target = isNear ? "../../.." + parent.path.dropFirst(directory.build.utf8.count) : parent.path
        if symlink(target, "\(path)/parent/\(index)") < 0 { throw Errno(rawValue: uwrx_errno()) }
      }
      if let replayed = configuration.replayed?.path {
        let isNear = replayed.hasPrefix(directory.build + "/")
        let target = isNear ? "../.." + replayed.dropFirst(directory.build.utf8.count) : replayed
        if symlink(target, "\(path)/replay") < 0 { throw Errno(rawValue: uwrx_errno()) }
      }
      events = try EventWriter(trace: path, callName: SyscallNumber.name(of:))
      recordParameter("command", Array(configuration.command.joined(separator: "\0").utf8))
      recordClock()
      for option in options { recordParameter(option.name, Array(option.value.utf8)) }
      for source in sources {
        recordParameter("source", Array(source.joined(separator: "\t").utf8))
      }
      recordParameter("seed", Array(seed.utf8))
      try TraceDirectory.write(
        "\(path)/cmd", configuration.command.flatMap { TraceDirectory.line([$0]) })
    } catch {
      throw SupervisorError("cannot write to the run's directory \(directory.path): \(error)")
    }
  }

  private static func makeDirectory(_ path: String) throws(Errno) {
    if mkdir(path, 0o755) < 0 { throw Errno(rawValue: uwrx_errno()) }
  }

  private typealias Option = (name: String, value: String)

  private static func options(
    _ configuration: RunConfiguration, _ directory: RunDirectory, _ secrets: SecretVariable
  ) -> [Option] {
    let limits = configuration.limits
    var options: [Option] = [
      ("build", directory.build), ("step", String(directory.step)), ("attempt", String(directory.attempt)),
      ("workdir", configuration.workingDirectory ?? ""), ("uid", String(configuration.uid)),
      ("gid", String(configuration.gid)), ("hostname", configuration.hostname),
      ("pids", limits.processes.map { String($0) } ?? ""), ("memory", limits.memory.map { String($0) } ?? ""),
      ("timeout", limits.timeout.map { String($0) } ?? ""),
      ("cpu-time", limits.processorTime.map { String($0) } ?? ""),
      ("file-size", limits.fileSize.map { String($0) } ?? ""),
      ("disk", limits.disk.map { String($0) } ?? ""), ("open-files", limits.openFiles.map { String($0) } ?? ""),
      ("times", configuration.times.rawValue),
      ("tmp", configuration.temporaryDirectory ?? ""), ("trace", configuration.trace.rawValue),
      ("calls", configuration.calls.rawValue), ("random", configuration.seed == nil ? "kernel" : "seed"),
      ("time", configuration.clock.map { "advancing:\($0.tick)" } ?? "real"),
      ("epoch", configuration.clock.map { "\($0.epoch / 1_000_000_000)" } ?? ""),
      ("machine", configuration.machine == nil ? "host" : "uniform"),
      ("cpus", configuration.machine.map { String($0.processors) } ?? ""),
      ("kernel-version", configuration.machine?.release ?? ""),
      ("process-numbers", configuration.hasProcessNumbers ? "same" : "kernel"),
      ("instructions", configuration.answersInstructions ? "same" : "processor"),
      ("umask", configuration.umask.map { "0" + String($0, radix: 8) } ?? ""),
      ("groups", configuration.keepsGroups ? "user" : "none"),
      ("net", configuration.network == nil ? "off" : "record"),
    ]
    if let network = configuration.network {
      options += network.allowed.map { ("allow", $0) } + network.denied.map { ("deny", $0) }
      options += network.resolutions.map { ("resolve", $0) } + network.published.map { ("publish", $0) }
      options += network.passthrough.map { ("net-passthrough", $0) }
      options += [network.httpProxy, network.httpsProxy].compactMap { text in
        text.flatMap { try? UpstreamProxy($0) }.map { ("upstream-proxy", "\($0)") }
      }
      if network.allowsPush { options.append(("allow-push", "yes")) }
      options += network.injections.compactMap { text in
        (try? InjectionRule(text)).map { ("inject", "\($0.host): \($0.header)") }
      }
    }
    options += configuration.environment.map { ("env", secrets.recorded($0)) }
    return options
  }

  private func append(_ kind: EventKind, version: UInt32 = 0, _ bytes: UnsafeRawBufferPointer) {
    // What is longer than a record can hold.
    var rest = bytes[...]
    repeat {
      var event = Event(kind, pid: Event.supervisor, node: 0, version: version)
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 15))
      rest = rest.dropFirst(1 << 15)
      if !rest.isEmpty { event.flags = Event.continues }
      events.append(event, piece.bindMemory(to: UInt8.self))
    } while !rest.isEmpty
  }

  private func recordParameter(_ name: String, _ value: [UInt8]) {
    (Array(name.utf8) + [0] + value).withUnsafeBytes { append(.parameter, $0) }
  }

  /// The wall clock is read right before the event's own time.
  private func recordClock() {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let nanoseconds = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    withUnsafeBytes(of: nanoseconds.littleEndian) { append(.clock, $0) }
  }

  /// What the network's other side tells.
  /// - Returns: false for what it has not to tell.
  func record(_ kind: UInt8, process: UInt32, number: UInt32, _ text: [UInt8]) -> Bool {
    guard let kind = EventKind(rawValue: kind), Self.networkKinds.contains(kind), text.count < 1 << 15 else {
      return false
    }
    if kind == .connectionEnd, text.count != 16 { return false }
    text.withUnsafeBytes {
      events.append(
        Event(kind, pid: process == 0 ? Event.supervisor : process, node: 0, version: number),
        $0.bindMemory(to: UInt8.self))
    }
    return true
  }

  private static let networkKinds: Set<EventKind> = [
    .lookUp, .connection, .connectionEnd, .request, .refusal, .miss, .network,
  ]

  /// - Parameter message: the line for the user.
  func recordLimit(_ message: String) {
    var message = message
    message.withUTF8 { append(.limit, UnsafeRawBufferPointer($0)) }
  }

  func recordTotals(_ calls: [(number: Int32, totals: CallTotals)]) {
    for call in calls {
      withUnsafeBytes(of: call.totals) { append(.totals, version: UInt32(bitPattern: call.number), $0) }
    }
  }

  private static func sources(_ configuration: RunConfiguration) -> [[String]] {
    var lines = configuration.sources.map {
      [$0.destination, String($0.priority), $0.type, $0.hostPath]
    }
    lines += configuration.links.map { [$0.path, String(Source.defaultPriority), "link", $0.target] }
    lines += configuration.emptyDirectories.map { [$0, String(Source.defaultPriority), "empty", ""] }
    return lines
  }

  /// Moves the events to their place while the run goes on.
  /// - Returns: false if there can be no thread for it.
  func startCollector() -> Bool { events.collect(on: startThread) }

  /// Writes what is known after it. The guest has ended.
  func finish(_ kernel: VirtualKernel, _ configuration: RunConfiguration, exitCode: Int32) throws(SupervisorError) {
    let path = directory.path
    // setrlimit(2), RLIMIT_FSIZE: what the user's limit forbids is an error with a message, not the end of uwrx.
    let disposition = signal(SIGXFSZ, SIG_IGN)
    defer { signal(SIGXFSZ, disposition) }
    var renumbering = TraceRenumbering()
    do throws(TraceError) {
      if let replayed = configuration.replayed { renumbering = try replayed.renumbering(of: path) }
    } catch {
      // The numbers are for who compares the two: without them it is a whole record all the same.
      configuration.warn?("the processes have other numbers than in the run that was made again: \(error.description)")
    }
    do throws(Errno) {
      let lines = try kernel.finish(renumbering)
      // Not empty if a version could not be put in its place; the events say where it is.
      rmdir("\(path)/archive")
      try TraceDirectory.write(
        "\(path)/files.index", LayerIndex.text(uid: configuration.uid, gid: configuration.gid, lines))
      try TraceDirectory.write("\(path)/\(LowerBases.name)", kernel.bases.text)
      try events.finish()
      try events.renumber(renumbering)
      // It is no worse a record without: nothing stands on it unasked.
      if let key { try? TraceSignature.write(path, exitCode: exitCode, key) }
    } catch {
      throw failure("\(error)")
    }
    do throws(Errno) {
      try TraceDirectory.write("\(path)/status", TraceDirectory.line(["exit", String(exitCode)]))
      try events.removeBuffer()
    } catch {
      throw failure("\(error)")
    }
  }

  private func failure(_ reason: String) -> SupervisorError {
    SupervisorError("the run could not be recorded to its end, and \(directory.path) is incomplete: \(reason)")
  }
}
