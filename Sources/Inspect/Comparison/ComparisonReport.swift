import SystemPackage
import Tracing

/// Tells in what two runs differ, first of all who made the difference.
public struct ComparisonReport {
  private let comparison: TraceComparison

  public init(_ comparison: TraceComparison) { self.comparison = comparison }

  /// Nothing if the runs are the same. First the processes that were given the same and gave something else, by time; then those that follow
  /// from them, those that ran in one alone, and the files that differ at the end.
  public func text(to output: OutputBuffer) throws(Errno) {
    for process in comparison.processes where process.isCulprit {
      try line("made a difference: ", process, to: output)
      for difference in process.outputs { try detail("gave other ", difference, to: output) }
    }
    for process in comparison.processes where !process.isCulprit {
      try line("was given something else: ", process, to: output)
      for difference in process.inputs { try detail("got other ", difference, to: output) }
      for difference in process.outputs { try detail("gave other ", difference, to: output) }
    }
    for pid in comparison.onlyFirst { try alone("only in the first: ", pid, comparison.firstHistory, to: output) }
    for pid in comparison.onlySecond { try alone("only in the second: ", pid, comparison.secondHistory, to: output) }
    for file in comparison.files {
      output.append("differs: ")
      output.append(Escaping.escape(file.path))
      switch (file.first, file.second) {
      case (let first?, let second?): output.append(", written by \(first) and \(second)")
      case (let first?, nil): output.append(", only in the first, written by \(first)")
      case (nil, let second?): output.append(", only in the second, written by \(second)")
      case (nil, nil): break
      }
      if let culprit = file.culprit, culprit != file.first { output.append("; the difference is \(culprit)'s") }
      try output.endLine()
    }
  }

  private func line(_ what: String, _ process: TraceComparison.Process, to output: OutputBuffer) throws(Errno) {
    output.append(what + "\(process.first)")
    if process.second != process.first { output.append(" (\(process.second) in the second)") }
    output.append(" ")
    if let known = comparison.firstHistory[process.first] { output.append(comparison.firstHistory.command(of: known)) }
    try output.endLine()
  }

  private func alone(_ what: String, _ pid: UInt32, _ history: RunHistory, to output: OutputBuffer) throws(Errno) {
    output.append(what + "\(pid) ")
    if let known = history[pid] { output.append(history.command(of: known)) }
    try output.endLine()
  }

  private func detail(_ what: String, _ difference: TraceComparison.Difference, to output: OutputBuffer) throws(Errno) {
    output.append("  " + what)
    switch difference {
    case .arguments: output.append("arguments")
    case .directory: output.append("current directory")
    case .environment(let names):
      output.append("environment: ")
      output.append(Array(names.map { Escaping.escape($0) }.joined(separator: [UInt8(ascii: " ")])))
    case .executable: output.append("program")
    case .status: output.append("exit status")
    case .text: output.append("output")
    case .textOf(let pid): output.append("output of \(pid), perhaps")
    case .temporaryFiles: output.append("temporary files")
    case .file(let path):
      output.append("contents: ")
      output.append(Escaping.escape(path))
    case .source(let path):
      output.append("source, changed in between: ")
      output.append(Escaping.escape(path))
    }
    try output.endLine()
  }

  /// One object:
  ///
  ///     {"same","processes":[{"first","second","command","culprit","inputs":[...],"outputs":[...]}],
  ///      "onlyFirst":[...],"onlySecond":[...],"files":[{"path","first","second","culprit"}]}
  ///
  /// Processes are told by their numbers in each run. An input or output is `{"kind","path","process","variables"}`, of which the latter are
  /// null or empty where the kind has none.
  public func json(to output: OutputBuffer) throws(Errno) {
    var line = JSONText()
    line.object { line in
      line.flag("same", comparison.isEmpty)
      line.array("processes") { line in
        for process in comparison.processes {
          line.object { line in
            line.number("first", process.first)
            line.number("second", process.second)
            line.string(
              "command", comparison.firstHistory[process.first].map { comparison.firstHistory.command(of: $0) })
            line.flag("culprit", process.isCulprit)
            line.array("inputs") { line in for difference in process.inputs { tell(difference, &line) } }
            line.array("outputs") { line in for difference in process.outputs { tell(difference, &line) } }
          }
        }
      }
      line.array("onlyFirst") { line in for pid in comparison.onlyFirst { line.number(nil, pid) } }
      line.array("onlySecond") { line in for pid in comparison.onlySecond { line.number(nil, pid) } }
      line.array("files") { line in
        for file in comparison.files {
          line.object { line in
            line.string("path", file.path)
            line.number("first", file.first)
            line.number("second", file.second)
            line.number("culprit", file.culprit)
          }
        }
      }
    }
    output.append(line.bytes)
    try output.endLine()
  }

  private func tell(_ difference: TraceComparison.Difference, _ line: inout JSONText) {
    var path: [UInt8]?
    var process: UInt32?
    var variables: [[UInt8]] = []
    let kind: StaticString
    switch difference {
    case .arguments: kind = "arguments"
    case .directory: kind = "directory"
    case .environment(let names): (kind, variables) = ("environment", names)
    case .executable: kind = "executable"
    case .status: kind = "status"
    case .text: kind = "text"
    case .temporaryFiles: kind = "temporary files"
    case .textOf(let pid): (kind, process) = ("text of another", pid)
    case .file(let name): (kind, path) = ("file", name)
    case .source(let name): (kind, path) = ("source", name)
    }
    line.object { line in
      line.string("kind", Array("\(kind)".utf8))
      line.string("path", path)
      line.number("process", process)
      line.array("variables") { line in for name in variables { line.string(nil, name) } }
    }
  }
}
