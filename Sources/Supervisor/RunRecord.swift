import CLinux
import Glibc
import SystemPackage
import Tracing
import VirtualKernel

/// What a run's directory tells of the run, beside the files that the guest wrote.
struct RunRecord {
  let directory: RunDirectory
  let events: EventWriter

  /// Writes what is known before the run.
  init(
    _ directory: RunDirectory, _ configuration: RunConfiguration, parents: [TraceDirectory]
  ) throws(SupervisorError) {
    self.directory = directory
    let disposition = signal(SIGXFSZ, SIG_IGN)
    defer { signal(SIGXFSZ, disposition) }
    do throws(Errno) {
      let path = directory.path
      try TraceDirectory.write("\(path)/options", Self.options(configuration, directory))
      try TraceDirectory.write("\(path)/sources", Self.sources(configuration))
      try TraceDirectory.write("\(path)/seed.txt", Array(Self.seed().utf8))
      if !parents.isEmpty { try Self.makeDirectory("\(path)/parent") }
      for (index, parent) in parents.enumerated() {
        // Runs of one build directory can be moved together.
        let isNear = parent.path.hasPrefix(directory.build + "/")
        let target = isNear ? "../../.." + parent.path.dropFirst(directory.build.utf8.count) : parent.path
        if symlink(target, "\(path)/parent/\(index)") < 0 { throw Errno(rawValue: uwrx_errno()) }
      }
      events = try EventWriter(trace: path)
      try TraceDirectory.write(
        "\(path)/cmd", configuration.command.flatMap { TraceDirectory.line([$0]) })
    } catch {
      throw SupervisorError("cannot write to the run's directory \(directory.path): \(error)")
    }
  }

  private static func makeDirectory(_ path: String) throws(Errno) {
    if mkdir(path, 0o755) < 0 { throw Errno(rawValue: uwrx_errno()) }
  }

  private static func options(_ configuration: RunConfiguration, _ directory: RunDirectory) -> [UInt8] {
    let limits = configuration.limits
    var lines: [(String, String)] = [
      ("build", directory.build), ("step", String(directory.step)), ("attempt", String(directory.attempt)),
      ("workdir", configuration.workingDirectory ?? ""), ("uid", String(configuration.uid)),
      ("gid", String(configuration.gid)), ("hostname", configuration.hostname),
      ("pids", limits.processes.map { String($0) } ?? ""), ("memory", limits.memory.map { String($0) } ?? ""),
      ("timeout", limits.timeout.map { String($0) } ?? ""),
      ("cpu-time", limits.processorTime.map { String($0) } ?? ""),
      ("file-size", limits.fileSize.map { String($0) } ?? ""),
      ("disk", limits.disk.map { String($0) } ?? ""), ("open-files", limits.openFiles.map { String($0) } ?? ""),
      ("times", configuration.times.rawValue),
      ("tmp", configuration.temporaryDirectory ?? ""),
    ]
    lines += configuration.environment.map { ("env", $0) }
    return lines.flatMap { TraceDirectory.line([$0.0, $0.1]) }
  }

  private static func sources(_ configuration: RunConfiguration) -> [UInt8] {
    var lines = configuration.sources.map {
      [$0.destination, String($0.priority), $0.type, $0.hostPath]
    }
    lines += configuration.links.map { [$0.path, String(Source.defaultPriority), "link", $0.target] }
    lines += configuration.emptyDirectories.map { [$0, String(Source.defaultPriority), "empty", ""] }
    return lines.flatMap { TraceDirectory.line($0) }
  }

  private static func seed() -> String {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits + "\n"
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
    do throws(Errno) {
      let lines = try kernel.finish()
      // Not empty if a version could not be put in its place; the events say where it is.
      rmdir("\(path)/archive")
      try TraceDirectory.write(
        "\(path)/files.index", LayerIndex.text(uid: configuration.uid, gid: configuration.gid, lines))
      try events.finish()
    } catch {
      throw failure("\(error)")
    }
    do throws(TraceError) {
      try writeMeta()
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

  private func writeMeta() throws(TraceError) {
    let path = "\(directory.path)/files.meta"
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw TraceError("\(Errno(rawValue: uwrx_errno()))") }
    defer { close(file) }
    try MetaWriter.write(try TraceDirectory(directory.path)) { text throws(TraceError) in
      var done = 0
      while done < text.count {
        let count = text.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + done, text.count - done) }
        if count < 0 { throw TraceError("\(Errno(rawValue: uwrx_errno()))") }
        done += count
      }
    }
  }

  private func failure(_ reason: String) -> SupervisorError {
    SupervisorError("the run could not be recorded to its end, and \(directory.path) is incomplete: \(reason)")
  }
}
