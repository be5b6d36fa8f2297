import SystemPackage
import Tracing

/// Lists the processes that a run has skipped: where they ran, and what time that saved.
public struct SkipsReport {
  private let history: RunHistory
  private let skips: [(process: RunProcess, skipped: SkippedProcess)]

  public init(_ history: RunHistory) {
    self.history = history
    skips = history.processesInOrder.compactMap { process in
      history.skipping(of: process.pid)?.skipped.map { (process, $0) }
    }
  }

  private func sum(_ time: (RunProcess, SkippedProcess) -> UInt64) -> UInt64 {
    skips.reduce(0) { $0 &+ time($1.0, $1.1) }
  }

  /// A line per process, and one that counts them.
  /// - Parameter width: columns of the terminal; nil cuts nothing.
  public func text(width: Int?, to output: OutputBuffer) throws(Errno) {
    if !skips.isEmpty {
      var table = TextTable(
        [
          ("pid", .right), ("took", .right), ("saved", .right), ("where it ran", .left), ("", .right),
          ("command", .left),
        ], width: width)
      for (process, skipped) in skips {
        table.add([
          Array("\(history.number(of: process.pid))".utf8), Array(Units.duration(skipped.duration).utf8),
          Array(Units.duration(history.savedTime(of: process, skipped)).utf8), Escaping.escape(skipped.origin),
          Array("\(skipped.process)".utf8), history.command(of: process),
        ])
      }
      try table.write(to: output)
      try output.endLine()
    }
    let programs = history.processes.reduce(0) { $0 + $1.programs.count }
    output.append("\(programs - skips.count) programs ran, \(skips.count) were skipped")
    if !skips.isEmpty {
      output.append(
        ", which had taken \(Units.duration(sum { $1.duration })): \(Units.duration(sum(history.savedTime))) saved")
    }
    try output.endLine()
  }

  /// An object per line and process, `{"pid","took","saved","origin","process","command"}`: `origin` is the trace where it ran, `process` its
  /// number there, `took` the nanoseconds that it took there, `saved` those by which it was shorter now.
  public func json(to output: OutputBuffer) throws(Errno) {
    var line = JSONText()
    for (process, skipped) in skips {
      line.clear()
      line.object { line in
        line.process("pid", history.number(of: process.pid))
        skipped.describe(in: &line)
        line.number("saved", history.savedTime(of: process, skipped))
        line.arguments("command", process)
      }
      output.append(line.bytes)
      try output.endLine()
    }
  }
}

extension JSONText {
  /// The arguments of what a process runs.
  mutating func arguments(_ key: StaticString, _ process: RunProcess) {
    array(key) { line in for argument in process.program?.arguments ?? [] { line.string(nil, argument) } }
  }
}
