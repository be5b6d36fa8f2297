import Tracing

extension RequestRecord {
  /// Adds `method`, `url`, `status`, `sent`, `received`, `took` (nanoseconds) and `complete` to an object.
  func describe(in line: inout JSONText) {
    line.string("method", Array(method.utf8))
    line.string("url", Array(url.utf8))
    line.number("status", status)
    line.number("sent", sent)
    line.number("received", received)
    line.number("took", duration)
    line.flag("complete", !isBrokenOff)
  }
}

extension LookUpRecord {
  /// Adds `name`, `record` and `answer` to an object.
  func describe(in line: inout JSONText) {
    line.string("name", Array(name.utf8))
    line.string("record", Array(type.utf8))
    line.string("answer", Array(answer.utf8))
  }
}
