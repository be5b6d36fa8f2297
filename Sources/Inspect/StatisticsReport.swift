import SystemPackage
import Tracing

/// Tells what a run's events add up to.
public struct StatisticsReport {
  private let statistics: RunStatistics
  private let top: Int
  private let callName: (UInt32) -> String?
  private var history: RunHistory { statistics.history }

  /// - Parameters:
  ///   - top: how many of the processes and calls it names.
  ///   - callName: the name of the system call with a number; nil if there is none.
  public init(_ statistics: RunStatistics, top: Int, callName: @escaping (UInt32) -> String?) {
    self.statistics = statistics
    self.top = top
    self.callName = callName
  }

  public func text(width: Int?, to output: OutputBuffer) throws(Errno) {
    let perEvent = history.eventCount == 0 ? 0 : statistics.size / UInt64(history.eventCount)
    var summary = TextTable([("run", .left), ("", .left)])
    if let start = history.wallClock { summary.add(["started", WallClock.text(start)]) }
    summary.add(["time", Units.duration(history.lastTime &- history.firstTime)])
    summary.add(["processes", "\(history.processes.count)"])
    summary.add(["paths", "\(history.paths.count)"])
    summary.add(["events", "\(history.eventCount)"])
    summary.add(["size", "\(Units.bytes(statistics.size)), \(perEvent) bytes per event"])
    try summary.write(to: output)

    try output.endLine()
    var events = TextTable([("events", .left), ("count", .right)])
    for (kind, count) in eventCounts { events.add([kind.word, "\(count)"]) }
    try events.write(to: output)

    if !history.totals.isEmpty {
      try output.endLine()
      var calls = TextTable([
        ("calls", .left), ("count", .right), ("total", .right), ("mean", .right), ("longest", .right),
      ])
      for (number, totals) in callTotals {
        calls.add([
          callName(number) ?? "\(number)", "\(totals.count)", Units.duration(totals.totalTime),
          Units.duration(mean(totals)), Units.duration(totals.longestTime),
        ])
      }
      let all = sum
      calls.add(["all", "\(all.count)", Units.duration(all.time), "", ""])
      try calls.write(to: output)
    }

    if !statistics.slowest.isEmpty {
      try output.endLine()
      output.append("slowest calls")
      try output.endLine()
      for call in statistics.slowest {
        var line = call.text
        if let width { TextTable.cut(&line, to: width) }
        output.append(line)
        try output.endLine()
      }
    }

    try processes("most processor time", "time", byTime, { Units.duration(Self.time($0)) }, width, output)
    try processes(
      "most files", "files", byFiles, { "\(statistics.fileCounts[$0.pid] ?? 0)" }, width, output)
  }

  private func processes(
    _ title: String, _ column: String, _ processes: [RunProcess], _ value: (RunProcess) -> String, _ width: Int?,
    _ output: OutputBuffer
  ) throws(Errno) {
    guard !processes.isEmpty else { return }
    try output.endLine()
    var table = TextTable([(column, .right), ("pid", .right), ("processes with " + title, .left)], width: width)
    for process in processes {
      table.add([
        Array(value(process).utf8), Array("\(history.number(of: process.pid))".utf8), history.command(of: process),
      ])
    }
    try table.write(to: output)
  }

  private var eventCounts: [(EventKind, Int)] {
    EventKind.allCases.map { ($0, history.count(of: $0)) }.filter { $0.1 > 0 }.sorted { $0.1 > $1.1 }
  }

  /// Those that took the most time first.
  private var callTotals: [(UInt32, CallTotals)] {
    history.totals.sorted { ($1.value.totalTime, $0.key) < ($0.value.totalTime, $1.key) }.map { ($0.key, $0.value) }
  }

  private var sum: (count: UInt64, time: UInt64) {
    history.totals.values.reduce((0, 0)) { ($0.0 &+ $1.count, $0.1 &+ $1.totalTime) }
  }

  private func mean(_ totals: CallTotals) -> UInt64 { totals.count == 0 ? 0 : totals.totalTime / totals.count }

  private static func time(_ process: RunProcess) -> UInt64 {
    process.use.map { $0.userTime &+ $0.systemTime } ?? 0
  }

  private var byTime: [RunProcess] {
    first(history.processes.filter { $0.use != nil }) { Self.time($0) > Self.time($1) }
  }

  private var byFiles: [RunProcess] {
    let counts = statistics.fileCounts
    return first(history.processes.filter { counts[$0.pid] ?? 0 > 0 }) { counts[$0.pid] ?? 0 > counts[$1.pid] ?? 0 }
  }

  private func first(_ processes: [RunProcess], by precedes: (RunProcess, RunProcess) -> Bool) -> [RunProcess] {
    Array(processes.sorted { precedes($0, $1) || (!precedes($1, $0) && $0.pid < $1.pid) }.prefix(top))
  }

  /// One object:
  ///
  ///     {"started","time","processes","paths","events","size",
  ///      "kinds":[{"type","count"}],
  ///      "calls":[{"call","name","count","total","mean","longest"}],
  ///      "slowest":[{"time","pid","thread","type","path","duration"}],
  ///      "mostTime":[{"pid","user","system","wall","executable"}],
  ///      "mostFiles":[{"pid","files","executable"}]}
  ///
  /// `started` is nanoseconds since 1970 or null, `size` the bytes of the events; all times are nanoseconds.
  public func json(to output: OutputBuffer) throws(Errno) {
    var line = JSONText()
    line.object { write(&$0) }
    output.append(line.bytes)
    try output.endLine()
  }

  private func write(_ line: inout JSONText) {
    line.number("started", history.wallClock)
    line.number("time", history.lastTime &- history.firstTime)
    line.number("processes", history.processes.count)
    line.number("paths", history.paths.count)
    line.number("events", history.eventCount)
    line.number("size", statistics.size)
    line.array("kinds") { line in
      for (kind, count) in eventCounts {
        line.object { line in
          line.string("type", kind.word)
          line.number("count", count)
        }
      }
    }
    line.array("calls") { line in
      for (number, totals) in callTotals {
        line.object { line in
          line.number("call", number)
          line.string("name", callName(number).map { Array($0.utf8) })
          line.number("count", totals.count)
          line.number("total", totals.totalTime)
          line.number("mean", mean(totals))
          line.number("longest", totals.longestTime)
        }
      }
    }
    line.array("slowest") { line in
      for call in statistics.slowest {
        line.object { line in
          line.number("time", history.elapsed(call.event.time))
          line.process("pid", history.number(of: call.event.pid))
          line.number("thread", call.event.thread)
          line.string("type", EventKind(rawValue: call.event.kind)?.word ?? "\(call.event.kind)")
          line.string("path", call.path)
          line.number("duration", call.event.duration)
        }
      }
    }
    line.array("mostTime") { line in
      for process in byTime {
        line.object { line in
          line.process("pid", history.number(of: process.pid))
          line.number("user", process.use?.userTime)
          line.number("system", process.use?.systemTime)
          line.number("wall", process.end.map { $0 &- process.start })
          line.string("executable", executable(process))
        }
      }
    }
    line.array("mostFiles") { line in
      for process in byFiles {
        line.object { line in
          line.process("pid", history.number(of: process.pid))
          line.number("files", statistics.fileCounts[process.pid])
          line.string("executable", executable(process))
        }
      }
    }
  }

  private func executable(_ process: RunProcess) -> [UInt8]? {
    process.program.flatMap { $0.executable == .none ? nil : history.paths.path(of: $0.executable) }
  }
}
