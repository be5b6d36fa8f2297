import SystemPackage
import Tracing

/// Tells an event as a line of text or of JSON.
public struct EventText {
  /// The name of a system call.
  private let callName: (UInt32) -> String?

  /// - Parameter callName: the name of the system call with a number; nil if there is none.
  public init(callName: @escaping (UInt32) -> String?) { self.callName = callName }

  /// Bytes of a process's output that a line of text shows.
  private static let shownOutput = 64

  /// Time since the start, process, kind, what it tells, and in angle brackets how long the call took.
  /// - Parameter history: one that has taken the event.
  public func text(
    _ event: Event, _ name: UnsafeBufferPointer<UInt8>, _ history: RunHistory, to line: inout [UInt8]
  ) {
    let kind = EventKind(rawValue: event.kind)
    Self.pad(Units.seconds(history.elapsed(event.time)), left: 12, &line)
    Self.pad(history.numbers.text(of: event.pid), left: 6, &line)
    line += "  ".utf8
    Self.pad(kind?.word ?? "\(event.kind)", right: 11, &line)
    line.append(UInt8(ascii: " "))
    if let kind { detail(kind, event, name, history, &line) }
    if event.duration != 0 { line += " <\(Units.duration(UInt64(event.duration)))>".utf8 }
  }

  private static func pad(_ text: String, left width: Int, _ line: inout [UInt8]) {
    line += repeatElement(UInt8(ascii: " "), count: max(0, width - text.utf8.count))
    line += text.utf8
  }

  private static func pad(_ text: String, right width: Int, _ line: inout [UInt8]) {
    line += text.utf8
    line += repeatElement(UInt8(ascii: " "), count: max(0, width - text.utf8.count))
  }

  private func detail(
    _ kind: EventKind, _ event: Event, _ name: UnsafeBufferPointer<UInt8>, _ history: RunHistory, _ line: inout [UInt8]
  ) {
    func path(_ id: PathTable.ID) -> [UInt8] {
      id == .none ? [UInt8(ascii: "?")] : Escaping.escape(history.paths.path(of: id))
    }
    let more = event.flags & (Event.continues | Event.isCut) == 0 ? "" : " ..."
    switch kind {
    case .node:
      line += "\(event.node) ".utf8
      line += path(history.path(ofNode: event.node))
    case .spawn:
      line += "by \(history.number(of: event.node)), guest pid \(event.version)".utf8
      if let host = load(name, as: UInt32.self) { line += ", host pid \(host)".utf8 }
    case .exit:
      line += WaitStatus(rawValue: event.version).description.utf8
      if let use = load(name, as: ResourceUse.self) {
        line += ", user \(Units.duration(use.userTime)), system \(Units.duration(use.systemTime))".utf8
        if use.peakMemory != 0 { line += ", memory \(Units.bytes(use.peakMemory))".utf8 }
      }
    case .arguments:
      line += CommandText.text(strings(Array(name)))
      line += more.utf8
      line += " in ".utf8
      line += path(history.path(ofNode: event.node))
      line += ", environment \(event.version)".utf8
    case .environment: line += "\(event.version): \(strings(Array(name)).count) variables\(more)".utf8
    case .output:
      line += "\(event.version): ".utf8
      line += Self.quoted(name)
      if name.count > Self.shownOutput || !more.isEmpty { line += "... (\(name.count) bytes)".utf8 }
    case .connect, .bind, .accept:
      line += "\(event.version) ".utf8
      line += SocketAddress.text(name)
    case .denied:
      line += "\(call(event.version)): \(Errno(rawValue: Int32(bitPattern: event.node)))".utf8
    case .limit, .network: line += Escaping.escape(name)
    case .skipped:
      guard let skipped = SkippedProcess(name) else { return line += Escaping.escape(name) }
      line += Escaping.escape(skipped.origin)
      line += " \(skipped.process), which took \(Units.duration(skipped.duration))".utf8
    case .unskipped:
      guard let unskipped = UnskippedProcess(name) else { return line += Escaping.escape(name) }
      if !unskipped.path.isEmpty { line += Escaping.escape(unskipped.path) + [UInt8(ascii: " ")] }
      line += unskipped.reason.utf8
    case .unrecorded: line += UnrecordedProcess(name)?.text ?? Escaping.escape(name)
    case .lookUp: line += Escaping.escape(LookUpRecord(name).map { Array($0.text.utf8) } ?? Array(name))
    case .request:
      line += "\(event.version) ".utf8
      line += Escaping.escape(RequestRecord(name).map { Array($0.text.utf8) } ?? Array(name))
    case .connection, .miss:
      line += "\(event.version) ".utf8
      line += Escaping.escape(name)
    case .connectionEnd:
      line += "\(event.version)".utf8
      if let sent = load(name, as: UInt64.self),
        let received = load(.init(rebasing: name.dropFirst(8)), as: UInt64.self)
      {
        line += ": \(sent) bytes out, \(received) in".utf8
      }
    case .refusal:
      let (host, option) = parameter(of: name)
      line += Escaping.escape(host)
      line += ": ".utf8
      line += Escaping.escape(option)
    case .unanswered:
      line += event.node == 0 ? Array("a file without a name".utf8) : path(history.path(ofNode: event.node))
      line += ": ".utf8
      line += Escaping.escape(name)
    case .readBytes, .writeBytes, .close:
      line += "\(event.version)".utf8
      if event.node != 0 {
        line += " ".utf8
        line += path(history.path(ofNode: event.node))
      }
      if let count = load(name, as: UInt64.self) { line += " \(count) bytes".utf8 }
    case .parameter:
      let (name, value) = parameter(of: name)
      line += Escaping.escape(name)
      line.append(UInt8(ascii: "="))
      line += Escaping.escape(value)
    case .clock: if let time = load(name, as: UInt64.self) { line += "\(WallClock.text(time))".utf8 }
    case .totals:
      line += call(event.version).utf8
      if let totals = load(name, as: CallTotals.self) {
        line +=
          ": \(totals.count) calls, \(Units.duration(totals.totalTime)) in all, \(Units.duration(totals.longestTime)) the longest"
          .utf8
      }
    case .stored:
      line += "version \(event.version): ".utf8
      line += Escaping.escape(name)
    default:
      line += path(history.path(of: event, name))
      if event.version != 0 { line += " version \(event.version)".utf8 }
    }
  }

  private func call(_ number: UInt32) -> String { callName(number) ?? "call \(number)" }

  private static func quoted(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var text: [UInt8] = [UInt8(ascii: "\"")]
    let escapes: [UInt8: String] = [0x0a: "\\n", 0x09: "\\t", 0x0d: "\\r", 0x22: "\\\""]
    var plain: [UInt8] = []
    for byte in bytes.prefix(shownOutput) {
      guard let escape = escapes[byte] else {
        plain.append(byte)
        continue
      }
      text += Escaping.escape(plain)
      plain.removeAll()
      text += escape.utf8
    }
    return text + Escaping.escape(plain) + [UInt8(ascii: "\"")]
  }

  /// An object: `time` (nanoseconds since the start of the run), `pid`, `thread`, `type`, `duration` (nanoseconds, 0 if it is not known), and
  /// what the kind of event tells:
  ///
  /// | type | keys |
  /// |---|---|
  /// | those of files | `path`, `version` |
  /// | `node` | `node`, `path` |
  /// | `spawn` | `parent`, `guestPid`, `hostPid` |
  /// | `exit` | `status` (of wait(2)), `user`, `system`, `peakMemory` |
  /// | `arguments` | `arguments`, `directory`, `environment` |
  /// | `environment` | `environment`, `variables` |
  /// | `output` | `descriptor`, `text` |
  /// | `connect`, `bind`, `accept` | `descriptor`, `address` |
  /// | `denied` | `call`, `name`, `errno` |
  /// | `limit` | `text` |
  /// | `skipped` | `origin`, `process`, `took` (nanoseconds, there) |
  /// | `unskipped` | `reason`, `path`, `question`, `was`, `now`, `origin`, `process`, `took`; those that are not known are null |
  /// | `unrecorded` | `reason`, `path` (null where there is none) |
  /// | `read-bytes`, `write-bytes`, `close` | `descriptor`, `path`, `size` |
  /// | `parameter` | `name`, `value` |
  /// | `clock` | `clock` (nanoseconds since 1970) |
  /// | `totals` | `call`, `name`, `count`, `total`, `longest` |
  /// | `stored` | `version`, `place` |
  /// | `lookup` | `name`, `record`, `answer` |
  /// | `connection`, `miss` | `connection`, `text` |
  /// | `connection-end` | `connection`, `sent`, `received` |
  /// | `request` | `connection`, `method`, `url`, `status`, `sent`, `received`, `took` (nanoseconds), `complete` |
  /// | `refusal` | `host`, `option` |
  ///
  /// and `"continues":true` if the bytes go on in the next event of the process, `"cut":true` if there were more than were recorded.
  func json(_ event: Event, _ name: UnsafeBufferPointer<UInt8>, _ history: RunHistory, to line: inout JSONText) {
    let kind = EventKind(rawValue: event.kind)
    line.object { line in
      line.number("time", history.elapsed(event.time))
      line.process("pid", history.number(of: event.pid))
      line.number("thread", event.thread)
      line.string("type", kind?.word ?? "\(event.kind)")
      line.number("duration", event.duration)
      if let kind { detail(kind, event, name, history, &line) }
      if event.flags & Event.continues != 0 { line.flag("continues", true) }
      if event.flags & Event.isCut != 0 { line.flag("cut", true) }
    }
  }

  private func detail(
    _ kind: EventKind, _ event: Event, _ name: UnsafeBufferPointer<UInt8>, _ history: RunHistory, _ line: inout JSONText
  ) {
    func path(_ key: StaticString, _ id: PathTable.ID) {
      line.string(key, id == .none ? nil : history.paths.path(of: id))
    }
    func texts(_ key: StaticString) {
      line.array(key) { line in for text in strings(Array(name)) { line.string(nil, text) } }
    }
    switch kind {
    case .node:
      line.number("node", event.node)
      path("path", history.path(ofNode: event.node))
    case .spawn:
      line.process("parent", history.number(of: event.node))
      line.number("guestPid", event.version)
      line.number("hostPid", load(name, as: UInt32.self))
    case .exit:
      let use = load(name, as: ResourceUse.self)
      line.number("status", event.version)
      line.number("user", use?.userTime)
      line.number("system", use?.systemTime)
      line.number("peakMemory", use?.peakMemory)
    case .arguments:
      texts("arguments")
      path("directory", history.path(ofNode: event.node))
      line.number("environment", event.version)
    case .environment:
      line.number("environment", event.version)
      texts("variables")
    case .output:
      line.number("descriptor", event.version)
      line.string("text", Array(name))
    case .connect, .bind, .accept:
      line.number("descriptor", event.version)
      line.string("address", String(decoding: SocketAddress.text(name), as: UTF8.self))
    case .denied:
      line.number("call", event.version)
      line.string("name", callName(event.version).map { Array($0.utf8) })
      line.number("errno", event.node)
    case .limit, .network: line.string("text", Array(name))
    case .skipped: SkippedProcess(name)?.describe(in: &line)
    case .unskipped: UnskippedProcess(name)?.describe(in: &line)
    case .unrecorded: UnrecordedProcess(name)?.describe(in: &line)
    case .lookUp: LookUpRecord(name)?.describe(in: &line)
    case .request:
      line.number("connection", event.version)
      RequestRecord(name)?.describe(in: &line)
    case .connection, .miss:
      line.number("connection", event.version)
      line.string("text", Array(name))
    case .connectionEnd:
      line.number("connection", event.version)
      line.number("sent", load(name, as: UInt64.self))
      line.number("received", load(.init(rebasing: name.dropFirst(8)), as: UInt64.self))
    case .refusal:
      let (host, option) = parameter(of: name)
      line.string("host", host)
      line.string("option", option)
    case .unanswered:
      path("path", history.path(ofNode: event.node))
      line.string("text", Array(name))
    case .readBytes, .writeBytes, .close:
      line.number("descriptor", event.version)
      path("path", history.path(ofNode: event.node))
      line.number("size", load(name, as: UInt64.self))
    case .parameter:
      let (name, value) = parameter(of: name)
      line.string("name", name)
      line.string("value", value)
    case .clock: line.number("clock", load(name, as: UInt64.self))
    case .totals:
      let totals = load(name, as: CallTotals.self)
      line.number("call", event.version)
      line.string("name", callName(event.version).map { Array($0.utf8) })
      line.number("count", totals?.count)
      line.number("total", totals?.totalTime)
      line.number("longest", totals?.longestTime)
    case .stored:
      line.number("version", event.version)
      line.string("place", Array(name))
    default:
      path("path", history.path(of: event, name))
      line.number("version", event.version)
    }
  }
}
