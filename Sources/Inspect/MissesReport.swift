import SystemPackage
import Tracing

/// Tells why processes ran that may be skipped, each cause once.
public struct MissesReport {
  private let history: RunHistory
  private let misses: SkipMisses
  private let examples: Int

  /// - Parameters:
  ///   - history: one that keeps accesses.
  ///   - examples: how many processes of each cause are named in the text.
  public init(_ history: RunHistory, examples: Int) {
    self.history = history
    self.examples = examples
    misses = SkipMisses(history)
  }

  /// Three parts, of which those with nothing in them are left out.
  /// - Parameter width: columns of the terminal; nil cuts nothing.
  public func text(width: Int?, to output: OutputBuffer) throws(Errno) {
    var isFirst = true
    func heading(_ count: Int, _ text: String) throws(Errno) {
      if !isFirst { try output.endLine() }
      isFirst = false
      output.append("\(count) \(text)")
      try output.endLine()
    }
    func line(_ indent: Int, _ text: [UInt8]) throws(Errno) {
      var line = [UInt8](repeating: UInt8(ascii: " "), count: indent) + text
      if let width { TextTable.cut(&line, to: width) }
      output.append(line)
      try output.endLine()
    }
    func count(_ number: Int, _ text: [UInt8]) throws(Errno) {
      let digits = "\(number)"
      try line(max(2, 6 - digits.utf8.count), Array("\(digits)  ".utf8) + text)
    }
    func name(_ pids: [UInt32], _ more: (UInt32) -> [UInt8] = { _ in [] }) throws(Errno) {
      for pid in pids.prefix(examples) { try line(10, described(pid) + more(pid)) }
      if pids.count > examples { try line(10, Array("and \(pids.count - examples) more".utf8)) }
    }
    if !misses.causes.isEmpty {
      try heading(
        misses.causes.reduce(0) { $0 + $1.count }, "ran although there is a record, as something is not as it was then:"
      )
    }
    for cause in misses.causes {
      try count(cause.count, subject(cause))
      if !cause.difference.detail.isEmpty { try line(8, Array("was ".utf8) + cause.difference.detail) }
      if let writer = cause.writer {
        try line(8, Array("by ".utf8) + described(writer))
      } else if cause.isOfSource {
        try line(8, Array("in the sources, not by this run".utf8))
      }
      try name(cause.processes)
      if !cause.followers.isEmpty {
        try line(8, Array("\(cause.followers.count) of them, as what these made is another:".utf8))
        try name(cause.followers)
      }
    }
    if !misses.obstacles.isEmpty {
      try heading(
        misses.obstacles.reduce(0) { $0 + $1.processes.count }, "ran and could not be recorded, so they will run again:"
      )
    }
    for obstacle in misses.obstacles {
      try count(obstacle.processes.count, Array(obstacle.reason.utf8))
      try name(obstacle.processes) { pid in
        let path = history.skipping(of: pid)?.unrecorded?.path ?? []
        return path.isEmpty ? [] : Array(": ".utf8) + Escaping.escape(path)
      }
    }
    if !misses.unknown.isEmpty {
      try heading(
        misses.unknown.reduce(0) { $0 + $1.processes.count },
        "ran without a record: nobody has started them so before, with these arguments, variables, directory:")
    }
    for unknown in misses.unknown {
      try count(unknown.processes.count, Escaping.escape(unknown.program))
      try name(unknown.processes)
    }
    if isFirst {
      output.append("nothing ran that may be skipped")
      try output.endLine()
    }
  }

  private func subject(_ cause: SkipMisses.Cause) -> [UInt8] {
    let path = cause.difference.path
    return (path.isEmpty ? [] : Escaping.escape(path) + [UInt8(ascii: " ")]) + Array(cause.change.utf8)
  }

  private func described(_ pid: UInt32) -> [UInt8] {
    Array("\(history.number(of: pid)) ".utf8) + (history[pid].map { history.command(of: $0) } ?? [])
  }

  /// An object per line and cause. Those of the first kind:
  ///
  ///     {"type":"changed","count","path","change","question","was","now","writer":pid or null,"source",
  ///      "processes":[{"pid","origin","process","took","command"}],"followers":[the same]}
  ///
  /// `source` is true if the run has not changed the file itself; `processes` asked for it, `followers` for what these have made anew; `origin`
  /// and `process` are where the nearest record was made, and `took` how many nanoseconds it took there. `was` and `now` are answers to the
  /// question as `UnskippedProcess` has them. Then
  ///
  ///     {"type":"unrecorded","count","reason","processes":[{"pid","path","command"}]}
  ///     {"type":"unknown","count","program","processes":[{"pid","command"}]}
  public func json(to output: OutputBuffer) throws(Errno) {
    var line = JSONText()
    func write(_ body: (inout JSONText) -> Void) throws(Errno) {
      line.clear()
      line.object(nil, body)
      output.append(line.bytes)
      try output.endLine()
    }
    for cause in misses.causes {
      try write { line in
        line.string("type", "changed")
        line.number("count", cause.count)
        line.string("path", cause.difference.path.isEmpty ? nil : cause.difference.path)
        line.string("change", cause.change)
        line.string("question", cause.difference.question.map { Array($0.rawValue.utf8) })
        line.string("was", cause.difference.was.isEmpty ? nil : cause.difference.was)
        line.string("now", cause.difference.now.isEmpty ? nil : cause.difference.now)
        line.process("writer", cause.writer.map { history.number(of: $0) })
        line.flag("source", cause.isOfSource)
        processes("processes", cause.processes, &line) { skipping, line in
          line.string("origin", skipping?.unskipped?.origin)
          line.number("process", skipping?.unskipped?.process)
          line.number("took", skipping?.unskipped?.duration)
        }
        processes("followers", cause.followers, &line) { skipping, line in
          line.string("origin", skipping?.unskipped?.origin)
          line.number("process", skipping?.unskipped?.process)
          line.number("took", skipping?.unskipped?.duration)
        }
      }
    }
    for obstacle in misses.obstacles {
      try write { line in
        line.string("type", "unrecorded")
        line.number("count", obstacle.processes.count)
        line.string("reason", obstacle.reason)
        processes("processes", obstacle.processes, &line) { skipping, line in
          let path = skipping?.unrecorded?.path ?? []
          line.string("path", path.isEmpty ? nil : path)
        }
      }
    }
    for unknown in misses.unknown {
      try write { line in
        line.string("type", "unknown")
        line.number("count", unknown.processes.count)
        line.string("program", unknown.program)
        processes("processes", unknown.processes, &line) { _, _ in }
      }
    }
  }

  private func processes(
    _ key: StaticString, _ pids: [UInt32], _ line: inout JSONText, _ more: (ProcessSkipping?, inout JSONText) -> Void
  ) {
    line.array(key) { line in
      for pid in pids {
        line.object { line in
          line.process("pid", history.number(of: pid))
          more(history.skipping(of: pid), &line)
          if let process = history[pid] { line.arguments("command", process) }
        }
      }
    }
  }
}
