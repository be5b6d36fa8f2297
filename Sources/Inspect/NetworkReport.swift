import SystemPackage
import Tracing

/// What a run did on the network that it was given.
public struct NetworkReport {
  private var history = NetworkHistory()
  private let numbers: TraceNumbers
  private let filter: NetworkFilter
  /// Of the first event.
  private var start: UInt64 = 0
  /// Whether the events end in the middle.
  public private(set) var isDamaged = false

  /// - Parameters:
  ///   - processes: only what these did, if there are any.
  ///   - hosts: only what was done with these, if there are any: see `NetworkFilter`.
  /// - Throws: a message if the trace cannot be read, or has none of the processes.
  public init(_ trace: TraceDirectory, processes: [ProcessNumber] = [], hosts: [String] = []) throws {
    let events = try EventStream(trace)
    numbers = try TraceNumbers(trace)
    var pids: [UInt32] = []
    for number in processes {
      guard let pid = numbers.pid(of: number) else { throw number.unknown(in: trace) }
      pids.append(pid)
    }
    filter = NetworkFilter(pids: Set(pids), hosts: hosts)
    var known: Set<UInt32> = [0, Event.supervisor]
    while let (event, bytes) = try events.next() {
      if start == 0 { start = event.time }
      if event.kind == EventKind.spawn.rawValue { known.insert(event.pid) }
      history.take(event, bytes)
    }
    isDamaged = events.isDamaged
    if let missing = pids.first(where: { !known.contains($0) }) { throw numbers[missing].unknown(in: trace) }
  }

  private var connections: [NetworkHistory.Connection] { history.connections.filter(filter.accepts) }
  private var entries: [(pid: UInt32, time: UInt64, entry: NetworkHistory.Entry)] {
    history.entries.filter { filter.accepts($0.entry, of: $0.pid, in: history) }
  }

  private func elapsed(_ time: UInt64) -> Int64 { Int64(bitPattern: time &- start) }
  private func seconds(_ time: UInt64) -> String { Units.seconds(elapsed(time)) }

  /// Tables of the connections, of the requests on them, and of the names that were asked for; then what was refused, or what a replay has
  /// missed.
  /// - Parameter width: columns of the terminal; nil cuts nothing.
  public func text(width: Int?, to output: OutputBuffer) throws(Errno) {
    var table = TextTable(
      [
        ("connection", .right), ("pid", .right), ("start", .right), ("wall", .right), ("out", .right), ("in", .right),
        ("requests", .right), ("host", .left),
      ], width: width)
    for connection in connections {
      let wall = connection.end.map { Units.duration($0 > connection.start ? $0 - connection.start : 0) } ?? "-"
      table.add(
        [
          "\(connection.number)", "\(numbers[connection.pid])", seconds(connection.start), wall,
          Units.bytes(connection.sent), Units.bytes(connection.received), "\(connection.requests)",
        ].map { Array($0.utf8) } + [Array(Escaping.escape(connection.text))])
    }
    try table.write(to: output)
    let entries = entries
    try requests(entries, width: width, to: output)
    try lookUps(entries, width: width, to: output)
    for (pid, _, entry) in entries {
      switch entry {
      case .refusal(let host, let option):
        output.append("refused  \(numbers[pid])  ")
        output.append(Array(Escaping.escape(host)) + Array(": ".utf8) + Array(Escaping.escape(option)))
      case .miss(let text):
        output.append("missed  \(numbers[pid])  ")
        output.append(Array(Escaping.escape(text)))
      case .network(let text):
        output.append("network  \(numbers[pid])  ")
        output.append(Array(Escaping.escape(text)))
      default: continue
      }
      try output.endLine()
    }
  }

  private func requests(
    _ entries: [(pid: UInt32, time: UInt64, entry: NetworkHistory.Entry)], width: Int?, to output: OutputBuffer
  ) throws(Errno) {
    var table = TextTable(
      [
        ("connection", .right), ("pid", .right), ("start", .right), ("wall", .right), ("status", .right),
        ("out", .right), ("in", .right), ("request", .left),
      ], width: width)
    for (pid, time, entry) in entries {
      guard case .request(let record, let connection) = entry else { continue }
      let end = record.isBrokenOff ? " (broken off)" : ""
      table.add(
        [
          "\(connection)", "\(numbers[pid])", seconds(time &- record.duration), Units.duration(record.duration),
          record.status == 0 ? "-" : "\(record.status)", Units.bytes(record.sent), Units.bytes(record.received),
        ].map { Array($0.utf8) } + [Array(Escaping.escape("\(record.method) \(record.url)\(end)".utf8))])
    }
    guard table.rowCount > 1 else { return }
    try output.endLine()
    try table.write(to: output)
  }

  private func lookUps(
    _ entries: [(pid: UInt32, time: UInt64, entry: NetworkHistory.Entry)], width: Int?, to output: OutputBuffer
  ) throws(Errno) {
    var table = TextTable(
      [("pid", .right), ("time", .right), ("type", .left), ("answer", .left), ("name", .left)], width: width)
    for (pid, time, entry) in entries {
      guard case .lookUp(let record) = entry else { continue }
      table.add(
        ["\(numbers[pid])", seconds(time), record.type, record.answer, record.name].map {
          Array(Escaping.escape($0.utf8))
        })
    }
    guard table.rowCount > 1 else { return }
    try output.endLine()
    try table.write(to: output)
  }

  /// An object per line. First the connections: `{"type":"connection","connection","pid","start","end","host","sent","received",
  /// "requests"}`; then in order what else there was, each with its `type`, `time` and `pid`:
  ///
  /// | type | keys |
  /// |---|---|
  /// | `request` | `connection`, `method`, `url`, `status`, `sent`, `received`, `took`, `complete`; `time` is that of its end |
  /// | `lookup` | `name`, `record`, `answer` |
  /// | `refusal` | `host`, `option` |
  /// | `miss`, `network` | `text` |
  ///
  /// Times are nanoseconds since the start of the run.
  public func json(to output: OutputBuffer) throws(Errno) {
    var line = JSONText()
    for connection in connections {
      line.clear()
      line.object { line in
        line.string("type", "connection")
        line.number("connection", connection.number)
        line.process("pid", numbers[connection.pid])
        line.number("start", elapsed(connection.start))
        line.number("end", connection.end.map { elapsed($0) })
        line.string("host", connection.text)
        line.number("sent", connection.sent)
        line.number("received", connection.received)
        line.number("requests", connection.requests)
      }
      output.append(line.bytes)
      try output.endLine()
    }
    for (pid, time, entry) in entries {
      line.clear()
      line.object { line in
        line.string("type", entry.kind.word)
        line.number("time", elapsed(time))
        line.process("pid", numbers[pid])
        switch entry {
        case .request(let record, let connection):
          line.number("connection", connection)
          record.describe(in: &line)
        case .lookUp(let record): record.describe(in: &line)
        case .refusal(let host, let option):
          line.string("host", host)
          line.string("option", option)
        case .miss(let text), .network(let text): line.string("text", text)
        }
      }
      output.append(line.bytes)
      try output.endLine()
    }
  }

  /// The requests and answers as the trace holds them, in the format of browsers' tools: see `HARReport`.
  /// - Parameters:
  ///   - version: uwrx's own.
  ///   - longestBody: bytes of a body that is told; of longer ones, where they are.
  /// - Returns: what could not be read, and why.
  public func har(
    of trace: TraceDirectory, version: String, longestBody: Int, to output: OutputBuffer
  ) throws -> [String] {
    try HARReport(trace, history, numbers, filter, longestBody: longestBody).write(version: version, to: output)
  }
}

extension NetworkHistory.Entry {
  var kind: EventKind {
    switch self {
    case .request: .request
    case .lookUp: .lookUp
    case .refusal: .refusal
    case .miss: .miss
    case .network: .network
    }
  }
}
