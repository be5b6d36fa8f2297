import SystemPackage
import Tracing

/// What a run did on the network that it was given.
public struct NetworkReport {
  private struct Connection {
    var process: ProcessNumber
    var start: Int64
    var end: Int64?
    /// Whom it was to, and where that was: `example.org:443 at 192.0.2.1`.
    var host: [UInt8]
    var sent: UInt64 = 0
    var received: UInt64 = 0
    var requests = 0
  }

  private struct Line {
    var kind: EventKind
    var process: ProcessNumber
    var time: Int64
    var connection: UInt32
    var text: [UInt8]
  }

  private var connections: [(number: UInt32, connection: Connection)] = []
  private var places: [UInt32: Int] = [:]
  /// Requests, lookups, refusals, misses, and what is of the network as a whole, in order.
  private var lines: [Line] = []
  /// Whether the events end in the middle.
  public private(set) var isDamaged = false

  /// - Throws: a message if the trace cannot be read.
  public init(_ trace: TraceDirectory) throws {
    let events = try EventStream(trace)
    let numbers = try TraceNumbers(trace)
    var start: UInt64 = 0
    while let (event, bytes) = try events.next() {
      if start == 0 { start = event.time }
      guard let kind = EventKind(rawValue: event.kind) else { continue }
      let time = Int64(bitPattern: event.time &- start)
      switch kind {
      case .connection:
        places[event.version] = connections.count
        connections.append(
          (event.version, Connection(process: numbers[event.pid], start: time, host: Array(bytes))))
      case .connectionEnd:
        guard let place = places[event.version], bytes.count == 16 else { continue }
        connections[place].connection.end = time
        connections[place].connection.sent = Self.number(bytes, 0)
        connections[place].connection.received = Self.number(bytes, 8)
      case .request, .lookUp, .refusal, .miss, .network:
        if kind == .request, let place = places[event.version] { connections[place].connection.requests += 1 }
        lines.append(
          Line(kind: kind, process: numbers[event.pid], time: time, connection: event.version, text: Array(bytes)))
      default: continue
      }
    }
    isDamaged = events.isDamaged
  }

  private static func number(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Int) -> UInt64 {
    bytes[place..<place + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A line for each connection, then those that were refused, or that a replay has missed, and what is of the network as a whole.
  /// - Parameter width: columns of the terminal; nil cuts nothing.
  public func text(width: Int?, to output: OutputBuffer) throws(Errno) {
    var table = TextTable(
      [
        ("connection", .right), ("pid", .right), ("start", .right), ("wall", .right), ("out", .right), ("in", .right),
        ("requests", .right), ("host", .left),
      ], width: width)
    for (number, connection) in connections {
      let wall = connection.end.map { Units.duration(UInt64(max(0, $0 - connection.start))) } ?? "-"
      table.add(
        [
          "\(number)", "\(connection.process)", Units.seconds(connection.start), wall, Units.bytes(connection.sent),
          Units.bytes(connection.received), "\(connection.requests)",
        ].map { Array($0.utf8) } + [Array(Escaping.escape(connection.host))])
    }
    try table.write(to: output)
    let words: [EventKind: String] = [.refusal: "refused", .miss: "missed", .network: "network"]
    for line in lines {
      guard let word = words[line.kind] else { continue }
      let parts = line.text.split(separator: 0, maxSplits: 1).map { Array(Escaping.escape($0)) }
      output.append(Array("\(word)  \(line.process)  ".utf8))
      output.append(Array(parts.joined(separator: Array(": ".utf8))))
      try output.endLine()
    }
  }

  /// An object per line: `{"type":"connection","connection","pid","start","end","host","sent","received","requests"}`, then in order
  /// `{"type":"request"|"lookup"|"refusal"|"miss"|"network","time","pid","connection","text"}`. Times are nanoseconds since the start of the run.
  public func json(to output: OutputBuffer) throws(Errno) {
    var line = JSONText()
    for (number, connection) in connections {
      line.clear()
      line.object { line in
        line.string("type", "connection")
        line.number("connection", number)
        line.process("pid", connection.process)
        line.number("start", connection.start)
        line.number("end", connection.end)
        line.string("host", connection.host)
        line.number("sent", connection.sent)
        line.number("received", connection.received)
        line.number("requests", connection.requests)
      }
      output.append(line.bytes)
      try output.endLine()
    }
    for entry in lines {
      line.clear()
      line.object { line in
        line.string("type", entry.kind.word)
        line.number("time", entry.time)
        line.process("pid", entry.process)
        if entry.kind == .request { line.number("connection", entry.connection) }
        line.string("text", entry.text.map { $0 == 0 ? UInt8(ascii: " ") : $0 })
      }
      output.append(line.bytes)
      try output.endLine()
    }
  }
}
