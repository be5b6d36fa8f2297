import Glibc
import Inspect
import SystemPackage
import Tracing

/// The runs of a build directory.
public struct ListReport {
  private let list: RunList

  public init(_ list: RunList) { self.list = list }

  public func text(to output: OutputBuffer) throws(Errno) {
    var table = TextTable(
      [("run", .left), ("started", .left), ("time", .right), ("status", .left), ("size", .right), ("command", .left)])
    for run in list.runs {
      table.add([
        Array(run.number.utf8), Array(Self.local(run.started).utf8),
        Array((run.duration.map { Units.duration($0) } ?? "-").utf8), Array(Self.word(run.status).utf8),
        Array(Units.bytes(run.size).utf8), CommandText.text(run.command),
      ])
    }
    try table.write(to: output)
  }

  /// An object for each run: `run`, `trace`, `started` (nanoseconds since 1970), `duration` (nanoseconds, null for one that has not
  /// ended), `status` (`exit`, `running`, `killed`, `incomplete`), `exit` (null if it is not known), `size` (bytes on the disk), `command`,
  /// `parents`.
  public func json(to output: OutputBuffer) throws(Errno) {
    var json = JSONText()
    for run in list.runs {
      let status = run.status
      json.clear()
      json.object { json in
        json.string("run", run.number)
        json.string("trace", Array(run.trace.path.utf8))
        json.number("started", run.started)
        json.number("duration", run.duration)
        switch status {
        case .exit(let code):
          json.string("status", "exit")
          json.number("exit", code)
        default:
          json.string("status", Self.word(status))
          json.number("exit", nil as Int?)
        }
        json.number("size", run.size)
        json.array("command") { json in for word in run.command { json.string(nil, word) } }
        json.array("parents") { json in
          for parent in (try? run.trace.parents()) ?? [] { json.string(nil, Array(parent.path.utf8)) }
        }
      }
      output.append(json.bytes)
      try output.endLine()
    }
  }

  private static func word(_ status: RunList.Run.Status) -> String {
    switch status {
    case .exit(let code): "exit \(code)"
    case .inProgress: "running"
    case .killed: "killed"
    case .incomplete: "incomplete"
    }
  }

  /// In the user's time zone.
  private static func local(_ nanoseconds: UInt64) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var parts = tm()
    var text = [CChar](repeating: 0, count: 64)
    guard localtime_r(&seconds, &parts) != nil, strftime(&text, text.count, "%Y-%m-%d %H:%M:%S", &parts) > 0 else {
      return "?"
    }
    return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }
}
