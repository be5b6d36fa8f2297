import Tracing

extension SkippedProcess {
  /// Writes `origin`, `process`, `took`.
  func describe(in line: inout JSONText) {
    line.string("origin", origin)
    line.number("process", process)
    line.number("took", duration)
  }
}

extension UnskippedProcess {
  /// Writes `reason`, `path`, `question`, `was`, `now`, `origin`, `process`, `took`.
  func describe(in line: inout JSONText) {
    line.string("reason", reason)
    line.string("path", path.isEmpty ? nil : path)
    line.string("question", question.map { Array($0.rawValue.utf8) })
    line.string("was", was.isEmpty ? nil : was)
    line.string("now", now.isEmpty ? nil : now)
    line.string("origin", hasRecord ? origin : nil)
    line.number("process", hasRecord ? process : nil)
    line.number("took", hasRecord ? duration : nil)
  }
}

extension UnrecordedProcess {
  /// Writes `reason`, `path`.
  func describe(in line: inout JSONText) {
    line.string("reason", reason)
    line.string("path", path.isEmpty ? nil : path)
  }
}
