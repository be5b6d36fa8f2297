import Inspect
import Tracing

extension ViewerState {
  /// The word for how a process fares, and its style.
  func statusText(_ process: RunProcess) -> Span {
    guard let status = process.status else {
      if process.end != nil { return Span(text: "ended") }
      return progress == .ended
        ? Span(text: "unknown", style: Style(.warning)) : Span(text: "running", style: Style(.accent, bold: true))
    }
    if run.skipping(of: process.pid)?.skipped != nil, let exit = status.exitStatus {
      return Span(
        text: exit == 0 ? "skipped" : "skipped \(exit)", style: Style(exit == 0 ? .accent : .bad, bold: exit != 0))
    }
    if let exit = status.exitStatus {
      return exit == 0
        ? Span(text: "ok", style: Style(.good)) : Span(text: "exit \(exit)", style: Style(.bad, bold: true))
    }
    if let signal = status.signal {
      return Span(text: WaitStatus.name(ofSignal: signal), style: Style(.special, bold: true))
    }
    return Span(text: "?", style: Style(.warning))
  }

  /// A command line that a shell takes.
  /// - Parameter limit: at most so many bytes of it; nil means all.
  func commandLine(_ program: Program, limit: Int? = nil) -> String {
    guard let bytes = program.argumentBytes else { return glyphs.quoted(run.paths.path(of: program.executable)) }
    var words: [String] = []
    let shown = limit.map { bytes.prefix($0) } ?? bytes[...]
    for word in shown.split(separator: 0, omittingEmptySubsequences: false) {
      // An assignment to the shell, if it came first.
      let isAssignment = words.isEmpty && word.contains(UInt8(ascii: "="))
      let quoted = glyphs.quoted(word)
      words.append(isAssignment && !quoted.hasSuffix("'") ? "'\(quoted)'" : quoted)
    }
    if shown.last == 0 { words.removeLast() }
    if program.argumentsAreCut || shown.count < bytes.count { words.append(glyphs.ellipsis) }
    return words.joined(separator: " ")
  }

  /// The name by which a program was called.
  func programName(_ program: Program) -> [UInt8] {
    if let bytes = program.argumentBytes, let first = bytes.split(separator: 0, maxSplits: 1).first, bytes.first != 0 {
      return Array(first.split(separator: UInt8(ascii: "/")).last ?? first)
    }
    return Array(run.paths.name(of: program.executable))
  }

  func shortName(_ pid: UInt32) -> String {
    guard let program = run[pid]?.program else { return "" }
    return glyphs.text(programName(program))
  }

  func summaryLines(_ process: RunProcess) -> [[Span]] {
    var lines: [[Span]] = []
    func add(_ label: String, _ spans: Span...) {
      lines.append([Span(text: label.padded(to: 11), style: Style(.accent))] + spans)
    }

    var ids = "\(run.number(of: process.pid))"
    if let guest = process.guestPid {
      ids += "  (pid \(guest) in the guest" + (process.hostPid.map { ", \($0) on the host)" } ?? ")")
    }
    add("Process", Span(text: ids, style: .bold))
    if let parent = process.parent, parent != Event.supervisor {
      add("Parent", Span(text: "\(run.number(of: parent)) \(shortName(parent))"))
    }
    var status = statusText(process)
    if let full = process.status { status.text = full.description }
    add("Status", status)
    var time = "\(Units.duration(duration(process))), from +\(Units.seconds(run.elapsed(process.start)))"
    if let end = process.end { time += " to +\(Units.seconds(run.elapsed(end)))" }
    add("Time", Span(text: time + " s"))
    if let waited = criticalTimes[process.pid] {
      add("Waited for", Span(text: "\(Units.duration(waited)) for itself alone"))
    }
    if let skipping = run.skipping(of: process.pid) { lines += skippingLines(skipping) }
    if let clock = run.wallClock {
      add("Started", Span(text: WallClock.text(clock &+ UInt64(max(0, run.elapsed(process.start))))))
    }
    if let use = process.use {
      var text = "user \(Units.duration(use.userTime)), system \(Units.duration(use.systemTime))"
      if use.peakMemory > 0 { text += ", memory \(Units.bytes(use.peakMemory))" }
      add("Used", Span(text: text))
    }
    if let program = process.program {
      let path = glyphs.text(run.paths.path(of: program.executable))
      add(
        "Program", Span(text: path.isEmpty ? "(a file without a path)" : path),
        Span(text: program.version == 0 ? "" : "  made by this run"))
      if program.directory != .none { add("Directory", Span(text: glyphs.text(run.paths.path(of: program.directory)))) }
    }
    if process.programs.isEmpty, process.inherited != nil {
      add("", Span(text: "It ran no program of its own: this is its parent's", style: .dim))
    }
    let extra = [
      process.children.isEmpty ? nil : Format.count(process.children.count, "child", plural: "children"),
      process.threads.count > 1 ? Format.count(process.threads.count, "thread") : nil,
      Format.count(process.eventCount, "event"),
      process.outputSize > 0 ? "\(Units.bytes(UInt64(process.outputSize))) of output" : nil,
    ].compactMap { $0 }
    add("Counts", Span(text: extra.joined(separator: ", ")))
    let refusals = activity[process.pid].refusals
    if !refusals.isEmpty {
      add("Refused", Span(text: refusals.map { callName($0.call) }.joined(separator: ", "), style: Style(.warning)))
    }
    lines.append([])
    for program in process.programs.dropLast() {
      lines += wrapped(commandLine(program, limit: 4096), label: "Before", style: .dim)
    }
    if let program = process.program { lines += wrapped(commandLine(program), label: "Command", style: .bold) }
    return lines
  }

  /// Where it ran if it was skipped, else why it was not, and will not be.
  private func skippingLines(_ skipping: ProcessSkipping) -> [[Span]] {
    var lines: [[Span]] = []
    if let skipped = skipping.skipped {
      let place = "\(glyphs.text(skipped.origin)), process \(skipped.process)"
      lines += wrapped("it took \(Units.duration(skipped.duration)) in \(place)", label: "Skipped", style: .normal)
    } else if let unskipped = skipping.unskipped {
      let path = unskipped.path.isEmpty ? "" : glyphs.text(unskipped.path) + " "
      lines += wrapped(path + unskipped.change, label: "Why it ran", style: .normal)
    }
    if let unrecorded = skipping.unrecorded {
      lines += wrapped(glyphs.text(unrecorded.text), label: "No record", style: .normal)
    }
    return lines
  }

  private func wrapped(_ text: String, label: String, style: Style) -> [[Span]] {
    Wrapping.lines(text, width: max(10, detailsWidth - 11)).enumerated().map { number, line in
      [Span(text: (number == 0 ? label : "").padded(to: 11), style: Style(.accent)), Span(text: line, style: style)]
    }
  }
}
