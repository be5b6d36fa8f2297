import SystemPackage
import Tracing

/// Lists the processes of a run.
public struct ProcessReport {
  private let history: RunHistory
  private let isInProgress: Bool
  private let showsEnvironment: Bool

  /// - Parameters:
  ///   - isInProgress: the run goes on, so that a process that was not seen to end is running.
  ///   - showsEnvironment: also in what each environment differs from that of the program before.
  public init(_ history: RunHistory, isInProgress: Bool, showsEnvironment: Bool = false) {
    self.history = history
    self.isInProgress = isInProgress
    self.showsEnvironment = showsEnvironment
  }

  /// How trees are drawn.
  public enum Drawing: Sendable { case boxes, ascii }

  /// A line per process.
  /// - Parameters:
  ///   - tree: draws who started whom.
  ///   - width: columns of the terminal; nil cuts nothing.
  public func text(tree: Drawing?, width: Int?, to output: OutputBuffer) throws(Errno) {
    var table = TextTable(
      [
        ("pid", .right), ("parent", .right), ("start", .right), ("wall", .right), ("user", .right), ("system", .right),
        ("memory", .right), ("status", .left), ("command", .left),
      ], width: width)
    func add(_ process: RunProcess, _ prefix: [UInt8], _ below: [UInt8]) {
      table.add(cells(process, prefix))
      guard showsEnvironment else { return }
      for line in environmentLines(process) { table.add([[], [], [], [], [], [], [], [], below + line]) }
    }
    if let tree {
      forEachInTree(tree) { process, prefix, below in add(process, prefix, below) }
    } else {
      for process in history.processesInOrder { add(process, [], Array("  ".utf8)) }
    }
    try table.write(to: output)
  }

  private func cells(_ process: RunProcess, _ prefix: [UInt8]) -> [[UInt8]] {
    let unknown = "-"
    let use = process.use
    let memory = use.flatMap { $0.peakMemory == 0 ? nil : Units.bytes($0.peakMemory) }
    return [
      "\(history.number(of: process.pid))", process.parent.map { "\(history.number(of: $0))" } ?? unknown,
      Units.seconds(history.elapsed(process.start)),
      process.end.map { Units.duration($0 < process.start ? 0 : $0 - process.start) } ?? unknown,
      use.map { Units.duration($0.userTime) } ?? unknown, use.map { Units.duration($0.systemTime) } ?? unknown,
      memory ?? unknown, status(process),
    ].map { Array($0.utf8) } + [prefix + history.command(of: process)]
  }

  private func status(_ process: RunProcess) -> String {
    process.status?.description ?? (isInProgress ? "running" : "unfinished")
  }

  private func environmentLines(_ process: RunProcess) -> [[UInt8]] {
    guard let difference = history.environmentDifference(of: process.pid) else { return [] }
    func line(_ sign: Character, _ name: [UInt8], _ value: [UInt8]?) -> [UInt8] {
      Array("\(sign)".utf8) + Escaping.escape(name) + (value.map { [UInt8(ascii: "=")] + Escaping.escape($0) } ?? [])
    }
    return difference.added.map { line("+", $0.name, $0.new) } + difference.removed.map { line("-", $0.name, nil) }
      + difference.changed.map { line("~", $0.name, $0.new) }
  }

  private func inOrder(_ pids: [UInt32]) -> [UInt32] {
    history.numbers.isEmpty ? pids.sorted() : pids.sorted { history.number(of: $0) < history.number(of: $1) }
  }

  /// Beyond it a tree is not drawn any deeper.
  private static let maximumDepth = 64

  /// - Parameter body: takes a process, what is drawn before it, and what is drawn before lines that belong to it.
  private func forEachInTree(_ drawing: Drawing, _ body: (RunProcess, [UInt8], [UInt8]) -> Void) {
    let (tee, corner, bar, gap) = drawing == .boxes ? ("├─ ", "└─ ", "│  ", "   ") : ("|- ", "`- ", "|  ", "   ")
    var pending = inOrder(history.roots).reversed().map { (pid: $0, depth: 0, isLast: true) }
    // For each level below the first, whether the branch goes on.
    var goesOn: [Bool] = []
    while let (pid, depth, isLast) = pending.popLast() {
      guard let process = history[pid] else { continue }
      let level = min(depth, Self.maximumDepth)
      goesOn.removeSubrange(min(goesOn.count, max(0, level - 1))...)
      if level > 0 { goesOn.append(!isLast) }
      let above = goesOn.dropLast().flatMap { Array(($0 ? bar : gap).utf8) }
      let prefix = level == 0 ? [] : above + Array((isLast ? corner : tee).utf8)
      let below = goesOn.flatMap { Array(($0 ? bar : gap).utf8) } + Array((process.children.isEmpty ? gap : bar).utf8)
      body(process, prefix, below)
      for (index, child) in inOrder(process.children).enumerated().reversed() {
        pending.append((child, depth + 1, index == process.children.count - 1))
      }
    }
  }

  /// An object per line and process:
  ///
  ///     {"pid","parent","guestPid","hostPid","status","exit","signal","coreDumped","start","end","user","system","peakMemory",
  ///      "threads":[{"id","first","last"}],"children":[pid],
  ///      "programs":[{"time","executable","version","arguments","argumentsCut","directory","environment"}],
  ///      "inherited":program or null}
  ///
  /// `status` is `exited`, `killed`, `running`, `unfinished` (it was not seen to end) or `other`; `exit` is the exit status, `signal` the
  /// signal's name. Times are nanoseconds, `start`, `end`, `first`, `last` and `time` since the start of the run. `peakMemory` is bytes.
  /// `inherited` is what the process was forked from. What is not known is null. A process's number with dots, which only a replay has, is a
  /// string.
  /// With environments each process also has `"environment":{"added":[{"name","value"}],"removed":[{"name","value"}],
  /// "changed":[{"name","old","value"}]}` or null.
  public func json(to output: OutputBuffer) throws(Errno) {
    var line = JSONText()
    for process in history.processesInOrder {
      line.clear()
      line.object { write(process, &$0) }
      output.append(line.bytes)
      try output.endLine()
    }
  }

  private func write(_ process: RunProcess, _ line: inout JSONText) {
    line.process("pid", history.number(of: process.pid))
    line.process("parent", process.parent.map { history.number(of: $0) })
    line.number("guestPid", process.guestPid)
    line.number("hostPid", process.hostPid)
    let status = process.status
    let word =
      status.map { $0.exitStatus != nil ? "exited" : $0.signal != nil ? "killed" : "other" }
      ?? (isInProgress ? "running" : "unfinished")
    line.string("status", word)
    line.number("exit", status?.exitStatus)
    line.string("signal", status?.signal.map { Array(WaitStatus.name(ofSignal: $0).utf8) })
    line.flag("coreDumped", status?.hasDumpedCore ?? false)
    line.number("start", history.elapsed(process.start))
    line.number("end", process.end.map { history.elapsed($0) })
    line.number("user", process.use?.userTime)
    line.number("system", process.use?.systemTime)
    line.number("peakMemory", process.use.flatMap { $0.peakMemory == 0 ? nil : $0.peakMemory })
    line.array("threads") { line in
      for thread in process.threads {
        line.object { line in
          line.number("id", thread.id)
          line.number("first", history.elapsed(thread.firstTime))
          line.number("last", history.elapsed(thread.lastTime))
        }
      }
    }
    line.array("children") { line in
      for child in inOrder(process.children) { line.process(nil, history.number(of: child)) }
    }
    line.array("programs") { line in for program in process.programs { line.object { write(program, &$0) } } }
    if let inherited = process.inherited {
      line.object("inherited") { write(inherited, &$0) }
    } else {
      line.string("inherited", nil)
    }
    if showsEnvironment { writeEnvironment(of: process, &line) }
  }

  private func write(_ program: Program, _ line: inout JSONText) {
    line.number("time", history.elapsed(program.time))
    line.string("executable", program.executable == .none ? nil : history.paths.path(of: program.executable))
    line.number("version", program.version)
    if program.argumentBytes == nil {
      line.string("arguments", nil)
    } else {
      line.array("arguments") { line in for argument in program.arguments { line.string(nil, argument) } }
    }
    line.flag("argumentsCut", program.argumentsAreCut)
    line.string("directory", program.directory == .none ? nil : history.paths.path(of: program.directory))
    line.number("environment", program.environment == 0 ? nil : program.environment)
  }

  private func writeEnvironment(of process: RunProcess, _ line: inout JSONText) {
    guard let difference = history.environmentDifference(of: process.pid) else {
      line.string("environment", nil)
      return
    }
    line.object("environment") { line in
      line.array("added") { line in
        for variable in difference.added {
          line.object { line in
            line.string("name", variable.name)
            line.string("value", variable.new)
          }
        }
      }
      line.array("removed") { line in
        for variable in difference.removed {
          line.object { line in
            line.string("name", variable.name)
            line.string("value", variable.old)
          }
        }
      }
      line.array("changed") { line in
        for variable in difference.changed {
          line.object { line in
            line.string("name", variable.name)
            line.string("old", variable.old)
            line.string("value", variable.new)
          }
        }
      }
    }
  }
}

extension RunHistory {
  /// What a process runs, as a line for a person: the arguments as a shell takes them, or the executable's path where they were not
  /// recorded; in parentheses if it is what it was forked from; `?` if nothing is known.
  public func command(of process: RunProcess) -> [UInt8] {
    guard let program = process.program else { return [UInt8(ascii: "?")] }
    var text = CommandText.text(program.arguments)
    if text.isEmpty { text = Escaping.escape(paths.path(of: program.executable)) }
    if text.isEmpty { text = [UInt8(ascii: "?")] }
    if program.argumentsAreCut { text += " ...".utf8 }
    return process.programs.isEmpty ? [UInt8(ascii: "(")] + text + [UInt8(ascii: ")")] : text
  }
}
